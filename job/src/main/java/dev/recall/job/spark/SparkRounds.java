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

  private final JavaSparkContext spark;
  private final ShardPlan plan;
  private final TaskCount taskCount;
  private final RoundNames names;
  private volatile ShardsRdd shards; // in as many groups as there are tasks
  private Broadcast<PassPool> pool;

  /**
   * Sends the executors what all rounds need.
   *
   * @param spark the context; stays open after {@link #close}
   * @param plan what the run's shards have in common
   * @param tasks tasks per round; 0: as many as run at a time, counted anew for every round; at
   *     most as many as shards
   * @param rounds of the whole run, for the names of jobs
   */
  public SparkRounds(JavaSparkContext spark, ShardPlan plan, int tasks, int rounds) {
    this.spark = spark;
    this.plan = plan;
    this.taskCount = new TaskCount(spark.sc(), plan.shards(), tasks);
    this.names = new RoundNames(rounds);
    this.shards = new ShardsRdd(spark.sc(), plan.shards(), taskCount.now());
    this.pool = spark.broadcast(new PassPool(plan));
  }

  @Override
  public void use(ShardPlan other) {
    pool.destroy();
    pool = spark.broadcast(new PassPool(other));
  }

  @Override
  public RoundSum run(int round, float[] parameters, float[][] localState) {
    follow(taskCount.now());
    try (RoundStart start = RoundStart.of(spark, parameters, localState)) {
      RoundTask task = new RoundTask(pool, start, round);
      Results results = new Results(shards.tasks());
      Seq<Object> partitions = EmptyJob.partitions(shards.tasks());
      SparkContext context = spark.sc();
      names
          .of(round)
          .during(context, () -> context.runJob(shards, task, partitions, results, RESULT));
      return TaskResult.merge(List.of(results.byPartition), plan.shards());
    }
  }

  /** Executors come and go. The sum does not depend on how the shards are grouped. */
  private void follow(int tasks) {
    if (tasks != shards.tasks()) {
      shards = new ShardsRdd(spark.sc(), plan.shards(), tasks);
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
        shards.tasks(),
        running,
        spark.sc().isLocal() ? "" : ", " + executors(spark) + " executors");
  }

  /** Executors that are there; the driver stands in Spark's list too. */
  static int executors(JavaSparkContext spark) {
    return spark.sc().statusTracker().getExecutorInfos().length - 1;
  }

  @Override
  public int parallelism() {
    return Math.min(shards.tasks(), spark.defaultParallelism());
  }

  @Override
  public void close() {
    if (!spark.sc().isStopped()) {
      pool.destroy();
    }
  }
}
