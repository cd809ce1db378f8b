package dev.recall.job.train;

import dev.recall.model.GradientSum;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.OptionalInt;

/** What one task sends back: sums of its shards and the time they took. A plain class for Kryo. */
public final class TaskResult implements Serializable {

  private static final long serialVersionUID = 1L;
  private static final int NONE = Integer.MAX_VALUE;

  private final OrderedSum.Node[] nodes;
  private final long busyNanos;
  private final int shardNotFinite; // the first one, or NONE
  private final byte[] digests; // of the shards' contributions, one behind the other

  private TaskResult(OrderedSum.Node[] nodes, long busyNanos, int shardNotFinite, byte[] digests) {
    this.nodes = nodes;
    this.busyNanos = busyNanos;
    this.shardNotFinite = shardNotFinite;
    this.digests = digests;
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
    int notFinite = NONE;
    GradientDigest digest = new GradientDigest(shards.size());
    for (int shard : shards) {
      GradientSum contribution = pass.run(parameters, localState, round, shard);
      digest.add(contribution);
      if (!contribution.isFinite()) {
        notFinite = Math.min(notFinite, shard);
      }
      sum.add(shard, contribution);
    }
    OrderedSum.Node[] nodes = sum.nodes().toArray(new OrderedSum.Node[0]);
    return new TaskResult(nodes, System.nanoTime() - start, notFinite, digest.bytes());
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
    int notFinite = NONE;
    List<String> digests = new ArrayList<>();
    List<TaskResult> ordered = new ArrayList<>(results);
    ordered.removeIf(result -> result.nodes.length == 0);
    ordered.sort(Comparator.comparingInt(result -> result.nodes[0].start()));
    for (TaskResult result : ordered) {
      busyNanos += result.busyNanos;
      notFinite = Math.min(notFinite, result.shardNotFinite);
      digests.addAll(GradientDigest.texts(result.digests));
      for (OrderedSum.Node node : result.nodes) {
        sum.add(node);
      }
    }
    GradientSum total = sum.total(shards);
    OptionalInt shard = notFinite == NONE ? OptionalInt.empty() : OptionalInt.of(notFinite);
    return new RoundSum(total, busyNanos, shard, digests);
  }
}
