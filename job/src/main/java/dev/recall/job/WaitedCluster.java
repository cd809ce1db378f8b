package dev.recall.job;

import dev.recall.job.config.RunConfig;
import dev.recall.job.plan.EmptyRound;
import dev.recall.job.spark.SparkCluster;
import dev.recall.job.spark.SparkHome;
import dev.recall.job.train.ShardPlan;
import dev.recall.job.train.Waits;
import java.util.function.Consumer;

/** A command's Spark, waited for no longer than the configuration says. */
final class WaitedCluster {

  /** How often it is said what is waited for. */
  private static final double TELL_SECONDS = 30;

  private WaitedCluster() {}

  /** Waits that tell what they are for. */
  static Waits waits(Consumer<String> lines) {
    return new Waits(lines, TELL_SECONDS);
  }

  /**
   * Starts Spark and waits for the executors that must be there.
   *
   * @param name application name where spark-submit was given none
   * @return the cluster, to be closed
   * @throws Waits.WaitedTooLong naming what did not come
   */
  static SparkCluster start(String name, RunConfig config, Consumer<String> lines) {
    try (Waits waits = waits(lines)) {
      SparkCluster cluster =
          waits.within(
              config.waits().clusterSeconds(),
              WaitedCluster::start,
              () -> SparkCluster.start(name, ShardPlan.of(config)));
      try {
        awaitExecutors(config, cluster, waits);
        return cluster;
      } catch (RuntimeException e) {
        cluster.close();
        throw e;
      }
    }
  }

  private static String start() {
    String what = "Spark to start on " + SparkHome.master();
    return SparkHome.master().startsWith("spark://")
        ? what + " (with spark.authenticate a Master answers only those who have its secret)"
        : what;
  }

  private static void awaitExecutors(RunConfig config, SparkCluster cluster, Waits waits) {
    int needed = config.spark().minExecutors();
    waits.within(
        config.waits().executorsSeconds(),
        () ->
            "%d executors (spark.min-executors) on %s, found %d"
                .formatted(needed, cluster.master(), cluster.executors()),
        () -> cluster.awaitExecutors(needed));
  }

  /**
   * Measures empty rounds. The first job waits for executors, like the first round of a run.
   *
   * @param seconds to spend on them
   */
  static EmptyRound emptyRound(
      RunConfig config, SparkCluster cluster, double seconds, Consumer<String> lines) {
    try (Waits waits = waits(lines)) {
      return waits.within(
          config.waits().roundSeconds() + seconds,
          () -> "empty rounds on " + cluster.standing(),
          () -> cluster.emptyRound(seconds));
    }
  }
}
