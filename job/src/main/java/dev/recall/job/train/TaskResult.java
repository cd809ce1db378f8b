package dev.recall.job.train;

import dev.recall.model.GradientSum;
import java.io.ByteArrayOutputStream;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.OptionalInt;
import java.util.function.IntFunction;

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
   * @param shards contiguous, rising
   * @param work computes a shard's contribution, fresh every time
   * @return the merged sums
   */
  public static TaskResult of(List<Integer> shards, IntFunction<GradientSum> work) {
    long start = System.nanoTime();
    OrderedSum sum = new OrderedSum();
    int notFinite = NONE;
    GradientDigest digest = new GradientDigest(shards.size());
    for (int shard : shards) {
      GradientSum contribution = work.apply(shard);
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
   * Takes a slice of the vectors. Sums are element by element: merged slice by slice they have the
   * bits of vectors that were merged whole.
   *
   * @param slice which one, from 0; everything that is no vector goes with the first
   * @param slices how many there are, of equal length but for one element
   * @return the slice, copied
   */
  public TaskResult slice(int slice, int slices) {
    OrderedSum.Node[] parts = new OrderedSum.Node[nodes.length];
    for (int i = 0; i < parts.length; i++) {
      long length = nodes[i].sum().vector().length;
      int from = (int) (length * slice / slices);
      int to = (int) (length * (slice + 1) / slices);
      parts[i] = nodes[i].slice(from, to);
    }
    return slice == 0
        ? new TaskResult(parts, busyNanos, shardNotFinite, digests)
        : new TaskResult(parts, 0, NONE, new byte[0]);
  }

  /**
   * Merges the results of all tasks of a round, or the same slice of all.
   *
   * @param results in any order; not to be used any more
   * @param shards number of shards of the round
   * @return one result, as of a task that ran all shards
   * @throws IllegalStateException when shards are missing or twice there
   */
  public static TaskResult merged(List<TaskResult> results, int shards) {
    OrderedSum sum = new OrderedSum();
    long busyNanos = 0;
    int notFinite = NONE;
    ByteArrayOutputStream digests = new ByteArrayOutputStream();
    List<TaskResult> ordered = new ArrayList<>(results);
    ordered.removeIf(result -> result.nodes.length == 0);
    ordered.sort(Comparator.comparingInt(result -> result.nodes[0].start()));
    for (TaskResult result : ordered) {
      busyNanos += result.busyNanos;
      notFinite = Math.min(notFinite, result.shardNotFinite);
      digests.writeBytes(result.digests);
      for (OrderedSum.Node node : result.nodes) {
        sum.add(node);
      }
    }
    OrderedSum.Node[] all = {new OrderedSum.Node(0, shards, sum.total(shards))};
    return new TaskResult(all, busyNanos, notFinite, digests.toByteArray());
  }

  /**
   * Puts the slices of a merged result together.
   *
   * @param slices all of them, in their order
   * @return the round's sum
   */
  public static RoundSum joined(List<TaskResult> slices) {
    List<GradientSum> sums = new ArrayList<>();
    for (TaskResult slice : slices) {
      sums.add(slice.nodes[0].sum());
    }
    TaskResult first = slices.get(0);
    return first.round(GradientSum.joined(sums));
  }

  /**
   * Merges the results of all tasks of a round.
   *
   * @param results in any order; not to be used any more
   * @param shards number of shards of the round
   * @return the round's sum
   * @throws IllegalStateException when shards are missing or twice there
   */
  public static RoundSum merge(List<TaskResult> results, int shards) {
    TaskResult all = merged(results, shards);
    return all.round(all.nodes[0].sum());
  }

  private RoundSum round(GradientSum sum) {
    OptionalInt shard =
        shardNotFinite == NONE ? OptionalInt.empty() : OptionalInt.of(shardNotFinite);
    return new RoundSum(sum, busyNanos, shard, GradientDigest.texts(digests));
  }
}
