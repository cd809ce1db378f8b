package dev.recall.job.spark;

import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;

/**
 * How many tasks a round has.
 *
 * <p>Note to the maintainer. Dynamic allocation asks for executors when tasks have waited for a
 * second. In rounds with a task for each core that is there none waits: so they have twice as many,
 * up to the cores that it may bring.
 */
final class TaskCount {

  private static final String DYNAMIC = "spark.dynamicAllocation.enabled";
  private static final String MOST_EXECUTORS = "spark.dynamicAllocation.maxExecutors";
  private static final String CORES = "spark.executor.cores";
  private static final String PARALLELISM = "spark.default.parallelism";

  private final SparkContext spark;
  private final int shards;
  private final int fixed;
  private final long mostCores; // that dynamic allocation may bring; 0 without it

  /** Takes the number that is asked for, or 0 for one that follows the executors. */
  TaskCount(SparkContext spark, int shards, int fixed) {
    this.spark = spark;
    this.shards = shards;
    this.fixed = fixed;
    SparkConf conf = spark.conf();
    boolean grows =
        !spark.isLocal() && conf.getBoolean(DYNAMIC, false) && !conf.contains(PARALLELISM);
    this.mostCores = grows ? mostCores(conf) : 0;
  }

  /** Without a number of cores an executor takes what its worker has. */
  private static long mostCores(SparkConf conf) {
    return conf.contains(MOST_EXECUTORS) && conf.contains(CORES)
        ? (long) conf.getInt(MOST_EXECUTORS, 0) * conf.getInt(CORES, 0)
        : Long.MAX_VALUE;
  }

  /** For a round that begins now: at least 1, and at most as many as shards. */
  int now() {
    if (fixed > 0) {
      return Math.min(shards, fixed);
    }
    int cores = spark.defaultParallelism();
    long wanted = Math.max(cores, Math.min(2L * cores, mostCores));
    return (int) Math.min(shards, wanted);
  }
}
