package dev.recall.job.spark;

import dev.recall.job.config.SparkConfig;
import dev.recall.job.plan.EmptyRound;
import dev.recall.job.train.ShardPlan;
import dev.recall.job.train.Waits;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.apache.spark.api.java.JavaSparkContext;

/** The Spark of one command: runs rounds, and measures what Spark takes for one. */
public final class SparkCluster implements AutoCloseable {

  private static final double NANOS = 1e9;
  private static final int MANY = 8;
  private static final int ROUNDS = 40;
  private static final long POLL_MILLIS = 50;

  /** More than Spark's own time limits on the way down; listeners and event logs have none. */
  private static final double STOP_SECONDS = 300;

  private final JavaSparkContext spark;

  SparkCluster(JavaSparkContext spark) {
    this.spark = spark;
  }

  /**
   * Starts a Spark context.
   *
   * @param name application name where spark-submit was given none
   * @param plan what will be run
   * @return the context, to be closed
   * @throws IllegalStateException when a standalone Master does not answer
   */
  public static SparkCluster start(String name, ShardPlan plan) {
    return new SparkCluster(SparkHome.start(name, plan)).checked();
  }

  /** Stops it when a standalone Master does not answer. */
  SparkCluster checked() {
    if (isUnknownToMaster()) {
      String master = master();
      close();
      throw new IllegalStateException(
          master
              + ": expected a Master, with spark.authenticate one that has the same secret; found"
              + " none that answers");
    }
    return this;
  }

  /** Spark gives up after a minute and begins to stop; meanwhile the context has this name. */
  private boolean isUnknownToMaster() {
    return master().startsWith("spark://")
        && spark.sc().applicationId().startsWith("spark-application-");
  }

  /**
   * Prepares the rounds of a run.
   *
   * @param plan what the run's shards have in common
   * @param config how they are run
   * @param rounds of the whole run
   * @return rounds, to be closed before this
   */
  public SparkRounds rounds(ShardPlan plan, SparkConfig config, int rounds) {
    return new SparkRounds(spark, plan, config, rounds);
  }

  /**
   * Returns Spark itself, for those who run rounds in another way.
   *
   * @return the context, to be left open
   */
  public JavaSparkContext context() {
    return spark;
  }

  /**
   * Waits until there are executors, for as long as it takes. A local master has none to wait for.
   *
   * @param count how many there must be
   * @return that many or more, or those of a local master
   * @throws InterruptedException when whoever waits gives up
   */
  public int awaitExecutors(int count) throws InterruptedException {
    while (!spark.sc().isLocal() && executors() < count) {
      TimeUnit.MILLISECONDS.sleep(POLL_MILLIS);
    }
    return executors();
  }

  /**
   * Returns how many executors there are.
   *
   * @return 0 with a local master
   */
  public int executors() {
    return SparkRounds.executors(spark);
  }

  /**
   * Measures empty rounds of one and of eight tasks.
   *
   * @param seconds to spend, or more where that is too short for {@value #ROUNDS} of each; the line
   *     is that of a JVM as warm as it is then
   * @return the line through both
   */
  public EmptyRound emptyRound(double seconds) {
    EmptyJob few = new EmptyJob(spark.sc(), new ShardsRdd(spark.sc(), MANY, 1));
    EmptyJob many = new EmptyJob(spark.sc(), new ShardsRdd(spark.sc(), MANY, MANY));
    List<Long> ofFew = new ArrayList<>();
    List<Long> ofMany = new ArrayList<>();
    long start = System.nanoTime();
    while (ofFew.size() < ROUNDS || (System.nanoTime() - start) / NANOS < seconds) {
      ofFew.add(few.run());
      ofMany.add(many.run());
    }
    return EmptyRound.through(1, medianOfLaterHalf(ofFew), MANY, medianOfLaterHalf(ofMany));
  }

  private static double medianOfLaterHalf(List<Long> nanos) {
    List<Long> later = new ArrayList<>(nanos.subList(nanos.size() / 2, nanos.size()));
    Collections.sort(later);
    return later.get(later.size() / 2) / NANOS;
  }

  /**
   * Returns Spark's master.
   *
   * @return its URL
   */
  public String master() {
    return spark.master();
  }

  /**
   * Says what there is to run tasks on, for somebody who waits for it.
   *
   * @return Spark's master, and the number of executors where there are some to come
   */
  public String standing() {
    return master() + (spark.sc().isLocal() ? "" : ", " + executors() + " executors");
  }

  /**
   * Returns how many tasks run at a time, as far as is known yet.
   *
   * @return at least 1
   */
  public int parallelism() {
    return spark.defaultParallelism();
  }

  /**
   * Stops Spark.
   *
   * @throws Waits.WaitedTooLong when it does not stop
   */
  @Override
  public void close() {
    try (Waits waits = new Waits(line -> {}, STOP_SECONDS)) {
      waits.within(
          STOP_SECONDS,
          () -> "Spark to stop",
          () -> {
            spark.close();
            return true;
          });
    }
  }
}
