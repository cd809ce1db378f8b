package dev.recall.job.spark;

import dev.recall.job.config.SparkConfig.MergeOn;
import dev.recall.job.train.RoundSum;
import dev.recall.job.train.ShardPlan;
import dev.recall.job.train.TaskResult;
import org.apache.spark.SparkContext;
import org.apache.spark.TaskContext;
import scala.collection.Iterator;
import scala.runtime.AbstractFunction2;

/** How a round's tasks are run and where their sums become one: the same bits everywhere. */
interface Merge {

  /** Executors merge when the driver would get more than this of a round, by docs/benchmarks.md. */
  long DRIVER_BYTES = 32L << 20;

  /** Fewer tasks do not send the driver enough more than the sum alone. */
  int FEWEST_TASKS = 4;

  /** Runs a round as one Spark job. */
  RoundSum run(
      SparkContext spark,
      ShardsRdd shards,
      AbstractFunction2<TaskContext, Iterator<Integer>, TaskResult> task);

  /** Chooses for rounds of so many tasks. */
  static Merge of(MergeOn place, ShardPlan plan, int tasks) {
    boolean onExecutors =
        switch (place) {
          case AUTO -> tasks >= FEWEST_TASKS && plan.vectorBytes() * tasks > DRIVER_BYTES;
          case DRIVER -> false;
          case EXECUTORS -> true;
        };
    return onExecutors
        ? ExecutorMerge.of(plan.shards(), plan.vectorBytes())
        : new DriverMerge(plan.shards());
  }
}
