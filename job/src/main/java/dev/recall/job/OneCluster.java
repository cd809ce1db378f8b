package dev.recall.job;

import dev.recall.job.config.RunConfig;
import dev.recall.job.spark.SparkCluster;
import java.util.function.Consumer;

/** Spark for the trainings of one command: the first starts it, all use it. */
final class OneCluster implements AutoCloseable {

  private SparkCluster cluster; // null before the first training

  /**
   * Waits for Spark and the executors that must be there.
   *
   * @param name application name where spark-submit was given none
   * @return the cluster, to be left open
   */
  SparkCluster get(String name, RunConfig config, Consumer<String> lines) {
    if (cluster == null) {
      cluster = WaitedCluster.start(name, config, lines);
    }
    return cluster;
  }

  @Override
  public void close() {
    if (cluster != null) {
      cluster.close();
    }
  }
}
