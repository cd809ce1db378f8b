package dev.recall.job.spark;

import java.util.Objects;
import java.util.stream.IntStream;
import org.apache.spark.Partition;
import org.apache.spark.SparkContext;
import org.apache.spark.TaskContext;
import org.apache.spark.rdd.RDD;
import scala.collection.Iterator;
import scala.collection.JavaConverters;
import scala.collection.immutable.Nil$;
import scala.reflect.ClassTag$;

/**
 * The numbers of a round's shards, in contiguous groups of equal size but for one.
 *
 * <p>What {@code parallelize} would make, with less to send: a partition is three numbers instead
 * of a collection of boxed ones, and the RDD, which rides in every round's closure, holds nothing.
 */
final class ShardsRdd extends RDD<Integer> {

  private static final long serialVersionUID = 1L;

  private final transient int shards;
  private final transient int tasks;

  ShardsRdd(SparkContext spark, int shards, int tasks) {
    super(spark, noDependencies(), ClassTag$.MODULE$.apply(Integer.class));
    this.shards = shards;
    this.tasks = tasks;
  }

  /** How many groups there are; on the driver. */
  int tasks() {
    return tasks;
  }

  @SuppressWarnings({"unchecked", "rawtypes"})
  private static <T> scala.collection.Seq<T> noDependencies() {
    return (scala.collection.Seq) Nil$.MODULE$;
  }

  @Override
  public Partition[] getPartitions() {
    Partition[] groups = new Partition[tasks];
    for (int i = 0; i < tasks; i++) {
      int from = (int) ((long) shards * i / tasks);
      int to = (int) ((long) shards * (i + 1) / tasks);
      groups[i] = new Group(i, from, to);
    }
    return groups;
  }

  @Override
  public Iterator<Integer> compute(Partition partition, TaskContext context) {
    Group group = (Group) partition;
    return JavaConverters.asScalaIterator(IntStream.range(group.from, group.to).iterator());
  }

  /** Shards from..to-1. */
  private static final class Group implements Partition {

    private static final long serialVersionUID = 1L;

    private final int index;
    private final int from;
    private final int to;

    Group(int index, int from, int to) {
      this.index = index;
      this.from = from;
      this.to = to;
    }

    @Override
    public int index() {
      return index;
    }

    @Override
    public boolean equals(Object other) {
      return other instanceof Group group
          && group.index == index
          && group.from == from
          && group.to == to;
    }

    @Override
    public int hashCode() {
      return Objects.hash(index, from, to);
    }
  }
}
