package dev.recall.job.spark;

import dev.recall.job.train.RoundSum;
import dev.recall.job.train.TaskResult;
import org.apache.spark.SparkContext;

/**
 * On the driver, which gets the vectors of all tasks.
 *
 * @param shards per round
 */
record DriverMerge(int shards) implements Merge {

  @Override
  public RoundSum run(SparkContext spark, ShardsRdd rdd, RoundTask task) {
    return TaskResult.merge(Results.of(spark, rdd, task), shards);
  }
}
