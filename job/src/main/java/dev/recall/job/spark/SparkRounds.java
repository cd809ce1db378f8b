package dev.recall.job.spark;

import dev.recall.job.train.RoundRunner;
import dev.recall.job.train.RoundSum;
import dev.recall.job.train.ShardPlan;
import dev.recall.job.train.TaskResult;
import java.util.List;
import java.util.Locale;
import org.apache.spark.SparkContext;
import org.apache.spark.SparkStageInfo;
import org.apache.spark.SparkStatusTracker;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.rdd.RDD;
import scala.Option;
import scala.collection.Seq;
import scala.reflect.ClassTag;
import scala.reflect.ClassTag$;
import scala.runtime.AbstractFunction2;
import scala.runtime.BoxedUnit;

/**
 * Runs each round as one Spark job of one stage: send the parameters, run, merge in shard order.
 *
 * <p>{@code reduce} and {@code treeAggregate} merge in the order in which tasks complete, so their
 * float sums differ from run to run; {@code collect} keeps the order and costs two to three times
 * what {@code runJob} with a result handler does. So: runJob, and the merge is ours.
 */
public final class SparkRounds implements RoundRunner {

  private static final ClassTag<TaskResult> RESULT = ClassTag$.MODULE$.apply(TaskResult.class);

  // Spark's own names: org.apache.spark.util.CallSite
  private static final String SHORT_NAME = "callSite.short";
  private static final String LONG_NAME = "callSite.long";

  private final JavaSparkContext spark;
  private final ShardPlan plan;
  private final RDD<Integer> shards;
  private final Seq<Object> partitions;
  private final int tasks;
  private Broadcast<PassPool> pool;

  /**
   * Prepares the RDD of shard numbers that all rounds use.
   *
   * @param spark the context; stays open after {@link #close}
   * @param plan what the run's shards have in common
   * @param taskCount tasks per round; 0: Spark's default parallelism; at most as many as shards
   */
  public SparkRounds(JavaSparkContext spark, ShardPlan plan, int taskCount) {
    this.spark = spark;
    this.plan = plan;
    this.tasks = Math.min(plan.shards(), taskCount > 0 ? taskCount : spark.defaultParallelism());
    this.shards = new ShardsRdd(spark.sc(), plan.shards(), tasks);
    this.partitions = EmptyJob.partitions(tasks);
    this.pool = spark.broadcast(new PassPool(plan));
  }

  @Override
  public void use(ShardPlan other) {
    pool.destroy();
    pool = spark.broadcast(new PassPool(other));
  }

  @Override
  public RoundSum run(int round, float[] parameters, float[][] localState) {
    try (RoundStart start = RoundStart.of(spark, parameters, localState)) {
      Results results = new Results(tasks);
      run(round, new RoundTask(pool, start, round), results);
      return TaskResult.merge(List.of(results.byPartition), plan.shards());
    }
  }

  /**
   * Runs the job under a name, which Spark's UI and event log show. Without one Spark walks the
   * stack to find where the job was started.
   */
  private void run(int round, RoundTask task, Results results) {
    SparkContext context = spark.sc();
    String shortBefore = context.getLocalProperty(SHORT_NAME);
    String longBefore = context.getLocalProperty(LONG_NAME);
    context.setLocalProperty(SHORT_NAME, "round " + (round + 1));
    context.setLocalProperty(LONG_NAME, "");
    try {
      context.runJob(shards, task, partitions, results, RESULT);
    } finally {
      context.setLocalProperty(SHORT_NAME, shortBefore);
      context.setLocalProperty(LONG_NAME, longBefore);
    }
  }

  /** Keeps each partition's result; called by Spark on one thread. */
  private static final class Results extends AbstractFunction2<Object, TaskResult, BoxedUnit> {
    private final TaskResult[] byPartition;

    Results(int tasks) {
      this.byPartition = new TaskResult[tasks];
    }

    @Override
    public BoxedUnit apply(Object partition, TaskResult result) {
      byPartition[(Integer) partition] = result;
      return BoxedUnit.UNIT;
    }
  }

  @Override
  public String standing() {
    SparkStatusTracker status = spark.sc().statusTracker();
    int done = 0;
    int running = 0;
    for (int stage : status.getActiveStageIds()) {
      Option<SparkStageInfo> info = status.getStageInfo(stage);
      if (info.isDefined()) {
        done += info.get().numCompletedTasks();
        running += info.get().numActiveTasks();
      }
    }
    return String.format(
        Locale.ROOT,
        "%d of %d tasks done, %d running%s",
        done,
        tasks,
        running,
        spark.sc().isLocal() ? "" : ", " + executors(spark) + " executors");
  }

  /** Executors that are there; the driver stands in Spark's list too. */
  static int executors(JavaSparkContext spark) {
    return spark.sc().statusTracker().getExecutorInfos().length - 1;
  }

  @Override
  public int parallelism() {
    return Math.min(tasks, spark.defaultParallelism());
  }

  @Override
  public void close() {
    if (!spark.sc().isStopped()) {
      pool.destroy();
    }
  }
}
