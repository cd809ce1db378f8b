package dev.recall.job.spark;

import java.util.function.Supplier;
import org.apache.spark.SparkContext;

/**
 * What Spark's UI and event log call a job.
 *
 * <p>Note to the maintainer. These are the properties that {@code SparkContext.setJobGroup} and
 * {@code setCallSite} set, here set back to what they were. Without a call site Spark walks the
 * stack to find where a job was started.
 *
 * @param group what the jobs next to it have in common
 * @param description of this job; its stages have the same name
 */
record JobName(String group, String description) {

  // Spark's own names: org.apache.spark.SparkContext, org.apache.spark.util.CallSite
  private static final String[] KEYS = {
    "spark.jobGroup.id", "spark.job.description", "callSite.short", "callSite.long"
  };

  /** Runs a job under this name. */
  <T> T during(SparkContext spark, Supplier<T> job) {
    String[] before = new String[KEYS.length];
    for (int i = 0; i < KEYS.length; i++) {
      before[i] = spark.getLocalProperty(KEYS[i]);
    }
    set(spark, group, description, description, "");
    try {
      return job.get();
    } finally {
      set(spark, before);
    }
  }

  private static void set(SparkContext spark, String... values) {
    for (int i = 0; i < KEYS.length; i++) {
      spark.setLocalProperty(KEYS[i], values[i]);
    }
  }
}
