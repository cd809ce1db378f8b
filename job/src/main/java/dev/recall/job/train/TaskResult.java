package dev.recall.job.train;

import dev.recall.model.GradientSum;
import java.io.Serializable;
import java.util.List;

/** What one task sends back: sums of its shards and the time they took. A plain class for Kryo. */
public final class TaskResult implements Serializable {

  private static final long serialVersionUID = 1L;

  private final OrderedSum.Node[] nodes;
  private final long busyNanos;

  private TaskResult(OrderedSum.Node[] nodes, long busyNanos) {
    this.nodes = nodes;
    this.busyNanos = busyNanos;
  }

  /**
   * Runs the shards of one task.
   *
   * @param pass does the work
   * @param parameters the round's start
   * @param localState the local optimizer's state at the round's start
   * @param round round number
   * @param shards contiguous, rising
   * @return the merged sums
   */
  public static TaskResult of(
      ShardPass pass, float[] parameters, float[][] localState, int round, List<Integer> shards) {
    long start = System.nanoTime();
    OrderedSum sum = new OrderedSum();
    for (int shard : shards) {
      sum.add(shard, pass.run(parameters, localState, round, shard));
    }
    OrderedSum.Node[] nodes = sum.nodes().toArray(new OrderedSum.Node[0]);
    return new TaskResult(nodes, System.nanoTime() - start);
  }

  /**
   * Merges the results of all tasks of a round.
   *
   * @param results in any order
   * @param shards number of shards of the round
   * @return the round's sum
   * @throws IllegalStateException when shards are missing or twice there
   */
  public static RoundSum merge(List<TaskResult> results, int shards) {
    OrderedSum sum = new OrderedSum();
    long busyNanos = 0;
    List<TaskResult> ordered = new java.util.ArrayList<>(results);
    ordered.removeIf(result -> result.nodes.length == 0);
    ordered.sort(java.util.Comparator.comparingInt(result -> result.nodes[0].start()));
    for (TaskResult result : ordered) {
      busyNanos += result.busyNanos;
      for (OrderedSum.Node node : result.nodes) {
        sum.add(node);
      }
    }
    GradientSum total = sum.total(shards);
    return new RoundSum(total, busyNanos);
  }
}
