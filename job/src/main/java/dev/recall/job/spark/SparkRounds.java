package dev.recall.job.spark;

import dev.recall.job.config.SparkConfig;
import dev.recall.job.config.SparkConfig.MergeOn;
import dev.recall.job.train.RoundRunner;
import dev.recall.job.train.RoundSum;
import dev.recall.job.train.ShardPlan;
import java.util.Locale;
import org.apache.spark.SparkStageInfo;
import org.apache.spark.SparkStatusTracker;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import scala.Option;

/**
 * Runs each round as one Spark job: send the parameters, run, merge in shard order.
 *
 * <p>{@code reduce} and {@code treeAggregate} merge in the order in which tasks complete, so their
 * float sums differ from run to run; {@code collect} keeps the order and costs two to three times
 * what {@code runJob} with a result handler does. So: runJob, and the merge is ours, on the driver
 * or, of large models, on executors.
 */
public final class SparkRounds implements RoundRunner {

  private final JavaSparkContext spark;
  private final ShardPlan plan;
  private final TaskCount taskCount;
  private final MergeOn mergeOn;
  private final RoundNames names;
  private volatile ShardsRdd shards; // in as many groups as there are tasks
  private Broadcast<PassPool> pool;

  /**
   * Sends the executors what all rounds need.
   *
   * @param spark the context; stays open after {@link #close}
   * @param plan what the run's shards have in common
   * @param config tasks per round, at most as many as shards, and where their sums are merged
   * @param rounds of the whole run, for the names of jobs
   */
  public SparkRounds(JavaSparkContext spark, ShardPlan plan, SparkConfig config, int rounds) {
    this.spark = spark;
    this.plan = plan;
    this.taskCount = new TaskCount(spark.sc(), plan.shards(), config.tasks());
    this.mergeOn = config.merge();
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
      Merge merge = Merge.of(mergeOn, plan, shards.tasks());
      return names.of(round).during(spark.sc(), () -> merge.run(spark.sc(), shards, task));
    }
  }

  /** Executors come and go. The sum does not depend on how the shards are grouped. */
  private void follow(int tasks) {
    if (tasks != shards.tasks()) {
      shards = new ShardsRdd(spark.sc(), plan.shards(), tasks);
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
