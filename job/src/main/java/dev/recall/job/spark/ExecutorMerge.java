package dev.recall.job.spark;

import dev.recall.job.train.RoundSum;
import dev.recall.job.train.TaskResult;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.apache.spark.HashPartitioner;
import org.apache.spark.MapOutputTrackerMaster;
import org.apache.spark.Partition;
import org.apache.spark.ShuffleDependency;
import org.apache.spark.SparkContext;
import org.apache.spark.SparkEnv;
import org.apache.spark.TaskContext;
import org.apache.spark.rdd.RDD;
import org.apache.spark.rdd.ShuffledRDD;
import scala.Tuple2;
import scala.collection.Iterator;
import scala.collection.JavaConverters;
import scala.collection.Seq;
import scala.collection.immutable.Nil$;
import scala.reflect.ClassTag;
import scala.reflect.ClassTag$;
import scala.runtime.AbstractFunction2;

/**
 * On the executors, which cut the vectors into slices: the first stage runs the shards, a shuffle
 * brings each slice of all tasks together, the second stage merges it by the same tree, and the
 * driver gets every slice once.
 *
 * <p>Note to the maintainer. This is a reduce-scatter: two stages and one shuffle whatever the
 * number of tasks. Sums are element by element, so the tree of a slice is that of the vector. A
 * task of the second stage holds one slice of all tasks, which is why slices have a size and not a
 * number. A lost executor takes its map output with it; Spark runs those shards again, and they
 * have the same bits.
 *
 * @param shards per round
 * @param slices of a vector
 */
record ExecutorMerge(int shards, int slices) implements Merge {

  /** Of a slice. A result above {@code spark.task.maxDirectResultSize}, 1 MiB, takes a detour. */
  static final int SLICE_BYTES = 1 << 19;

  private static final ClassTag<Integer> KEY = ClassTag$.MODULE$.apply(Integer.class);
  private static final ClassTag<TaskResult> VALUE = ClassTag$.MODULE$.apply(TaskResult.class);
  private static final ClassTag<Tuple2<Integer, TaskResult>> PAIR =
      ClassTag$.MODULE$.apply(Tuple2.class);

  /** For vectors of so many bytes. */
  static ExecutorMerge of(int shards, long vectorBytes) {
    return new ExecutorMerge(shards, (int) ((vectorBytes + SLICE_BYTES - 1) / SLICE_BYTES));
  }

  @Override
  public RoundSum run(
      SparkContext spark,
      ShardsRdd rdd,
      AbstractFunction2<TaskContext, Iterator<Integer>, TaskResult> task) {
    BySlice slicesOfAll = new BySlice(new Slices(rdd, task, slices), slices);
    try {
      return TaskResult.joined(Results.of(spark, slicesOfAll, new MergeSlice(shards)));
    } finally {
      release(spark, slicesOfAll);
    }
  }

  /**
   * Lets executors delete the round's files. Spark's cleaner would do so when the driver's heap is
   * collected, and tells dynamic allocation; without it, as with {@code
   * spark.cleaner.referenceTracking=false}, nobody would.
   */
  private static void release(SparkContext spark, BySlice shuffled) {
    if (spark.cleaner().isDefined()) {
      shuffled.cleanShuffleDependencies(false);
    } else if (!spark.isStopped()) {
      int shuffle = ((ShuffleDependency<?, ?, ?>) shuffled.dependencies().head()).shuffleId();
      spark.shuffleDriverComponents().removeShuffle(shuffle, false);
      ((MapOutputTrackerMaster) SparkEnv.get().mapOutputTracker()).unregisterShuffle(shuffle);
    }
  }

  /** What the tasks of a round send, under the number of the slice. */
  private static final class Slices extends RDD<Tuple2<Integer, TaskResult>> {

    private static final long serialVersionUID = 1L;

    private final AbstractFunction2<TaskContext, Iterator<Integer>, TaskResult> task;
    private final int slices;

    Slices(
        ShardsRdd shards,
        AbstractFunction2<TaskContext, Iterator<Integer>, TaskResult> task,
        int slices) {
      super(shards, PAIR);
      this.task = task;
      this.slices = slices;
    }

    @Override
    public Partition[] getPartitions() {
      return this.<Integer>firstParent(KEY).partitions();
    }

    @Override
    public Iterator<Tuple2<Integer, TaskResult>> compute(Partition group, TaskContext context) {
      TaskResult result =
          task.apply(context, this.<Integer>firstParent(KEY).iterator(group, context));
      // One slice after the other, as they are written.
      return JavaConverters.asScalaIterator(
          IntStream.range(0, slices)
              .mapToObj(slice -> new Tuple2<>(slice, result.slice(slice, slices)))
              .iterator());
    }
  }

  /**
   * The slices of all tasks, by their number. Spark would rather run all tasks of the second stage
   * where the first one left most bytes, and let other executors wait for seconds.
   */
  private static final class BySlice extends ShuffledRDD<Integer, TaskResult, TaskResult> {

    private static final long serialVersionUID = 1L;

    BySlice(Slices slices, int count) {
      super(slices, new HashPartitioner(count), KEY, VALUE, VALUE);
    }

    @Override
    @SuppressWarnings({"unchecked", "rawtypes"})
    public Seq<String> getPreferredLocations(Partition slice) {
      return (Seq) Nil$.MODULE$;
    }
  }

  /** The task of the second stage. */
  private static final class MergeSlice
      extends AbstractFunction2<TaskContext, Iterator<Tuple2<Integer, TaskResult>>, TaskResult>
      implements Serializable {

    private static final long serialVersionUID = 1L;

    private final int shards;

    MergeSlice(int shards) {
      this.shards = shards;
    }

    @Override
    public TaskResult apply(TaskContext context, Iterator<Tuple2<Integer, TaskResult>> ofTasks) {
      List<TaskResult> results = new ArrayList<>();
      while (ofTasks.hasNext()) {
        results.add(ofTasks.next()._2());
      }
      return TaskResult.merged(results, shards);
    }
  }
}
