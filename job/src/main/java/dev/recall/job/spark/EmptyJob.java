package dev.recall.job.spark;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.SparkContext;
import org.apache.spark.TaskContext;
import org.apache.spark.rdd.RDD;
import scala.collection.Iterator;
import scala.collection.JavaConverters;
import scala.collection.Seq;
import scala.reflect.ClassTag;
import scala.reflect.ClassTag$;
import scala.runtime.AbstractFunction2;
import scala.runtime.BoxedUnit;

/**
 * A Spark job with nothing inside, in the form in which rounds are run: what Spark itself takes.
 */
final class EmptyJob {

  private static final ClassTag<BoxedUnit> RESULT = ClassTag$.MODULE$.apply(BoxedUnit.class);

  private final SparkContext spark;
  private final RDD<Integer> rdd;
  private final Seq<Object> partitions;
  private final JobName name;

  EmptyJob(SparkContext spark, RDD<Integer> rdd) {
    this.spark = spark;
    this.rdd = rdd;
    this.partitions = partitions(rdd.getNumPartitions());
    int tasks = partitions.size();
    this.name =
        new JobName("empty rounds", "empty round of " + tasks + (tasks == 1 ? " task" : " tasks"));
  }

  /** All partitions of an RDD with so many, as Spark wants them. */
  static Seq<Object> partitions(int count) {
    List<Object> indices = new ArrayList<>();
    for (int partition = 0; partition < count; partition++) {
      indices.add(partition);
    }
    return JavaConverters.asScalaBufferConverter(indices).asScala();
  }

  /** Runs it; returns the nanoseconds that it took. */
  long run() {
    return name.during(
        spark,
        () -> {
          long start = System.nanoTime();
          spark.runJob(rdd, new Nothing(), partitions, new Ignored(), RESULT);
          return System.nanoTime() - start;
        });
  }

  private static final class Nothing
      extends AbstractFunction2<TaskContext, Iterator<Integer>, BoxedUnit> implements Serializable {
    private static final long serialVersionUID = 1L;

    @Override
    public BoxedUnit apply(TaskContext context, Iterator<Integer> partition) {
      return BoxedUnit.UNIT;
    }
  }

  private static final class Ignored extends AbstractFunction2<Object, BoxedUnit, BoxedUnit> {
    @Override
    public BoxedUnit apply(Object partition, BoxedUnit result) {
      return BoxedUnit.UNIT;
    }
  }
}
