package dev.recall.job.spark;

import dev.recall.job.train.RoundSum;
import dev.recall.job.train.TaskResult;
import org.apache.spark.SparkContext;
import org.apache.spark.TaskContext;
import scala.collection.Iterator;
import scala.runtime.AbstractFunction2;

/**
 * On the driver, which gets the vectors of all tasks.
 *
 * @param shards per round
 */
record DriverMerge(int shards) implements Merge {

  @Override
  public RoundSum run(
      SparkContext spark,
      ShardsRdd rdd,
      AbstractFunction2<TaskContext, Iterator<Integer>, TaskResult> task) {
    return TaskResult.merge(Results.of(spark, rdd, task), shards);
  }
}
