package dev.recall.job.spark;

import dev.recall.job.config.SparkConfig.MergeOn;
import dev.recall.job.train.RoundSum;
import dev.recall.job.train.ShardPlan;
import org.apache.spark.SparkContext;

/** How a round's tasks are run and where their sums become one: the same bits everywhere. */
interface Merge {

  /** Executors merge when the driver would get more than this of a round. */
  long DRIVER_BYTES = 16L << 20;

  /** Runs a round as one Spark job. */
  RoundSum run(SparkContext spark, ShardsRdd shards, RoundTask task);

  /** Chooses for rounds of so many tasks. */
  static Merge of(MergeOn place, ShardPlan plan, int tasks, boolean local) {
    boolean onExecutors =
        switch (place) {
          case AUTO -> !local && plan.vectorBytes() * tasks > DRIVER_BYTES;
          case DRIVER -> false;
          case EXECUTORS -> true;
        };
    return onExecutors
        ? ExecutorMerge.of(plan.shards(), plan.vectorBytes())
        : new DriverMerge(plan.shards());
  }
}
