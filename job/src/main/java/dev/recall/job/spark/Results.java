package dev.recall.job.spark;

import dev.recall.job.train.TaskResult;
import java.util.List;
import org.apache.spark.SparkContext;
import org.apache.spark.TaskContext;
import org.apache.spark.rdd.RDD;
import scala.collection.Iterator;
import scala.reflect.ClassTag;
import scala.reflect.ClassTag$;
import scala.runtime.AbstractFunction2;
import scala.runtime.BoxedUnit;

/** Keeps each partition's result in its place; called by Spark on one thread. */
final class Results extends AbstractFunction2<Object, TaskResult, BoxedUnit> {

  private static final ClassTag<TaskResult> RESULT = ClassTag$.MODULE$.apply(TaskResult.class);

  private final TaskResult[] byPartition;

  private Results(int partitions) {
    this.byPartition = new TaskResult[partitions];
  }

  /** Runs a job on all partitions; returns their results in order. */
  static <T> List<TaskResult> of(
      SparkContext spark,
      RDD<T> rdd,
      AbstractFunction2<TaskContext, Iterator<T>, TaskResult> task) {
    int partitions = rdd.getNumPartitions();
    Results results = new Results(partitions);
    spark.runJob(rdd, task, EmptyJob.partitions(partitions), results, RESULT);
    return List.of(results.byPartition);
  }

  @Override
  public BoxedUnit apply(Object partition, TaskResult result) {
    byPartition[(Integer) partition] = result;
    return BoxedUnit.UNIT;
  }
}
