package dev.recall.job.spark;

import static org.awaitility.Awaitility.await;

import dev.recall.job.train.RoundSum;
import dev.recall.job.train.TaskResult;
import dev.recall.model.GradientSum;
import java.io.IOException;
import java.io.Serializable;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryPoolMXBean;
import java.lang.management.MemoryType;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerTaskEnd;
import scala.collection.Iterator;
import scala.runtime.AbstractFunction2;

/**
 * Merging on the driver against merging on executors. A task has one shard, whose contribution is
 * there at once: what is measured is Spark, the digest of each contribution, which rounds have too,
 * and the merge.
 */
final class MergeBenchmark {

  private static final int[] KILOBYTES = {256, 1024, 4096, 16384, 65536};
  private static final int[] TASKS = {2, 8, 32};
  private static final int FEWEST = 3;
  private static final int WARM_UP_SECONDS = 30;

  private final SparkContext spark;
  private final Received received = new Received();
  private final double seconds;
  private final int sliceBytes;

  private MergeBenchmark(JavaSparkContext spark, double seconds, int sliceBytes) {
    this.spark = spark.sc();
    this.seconds = seconds;
    this.sliceBytes = sliceBytes;
    spark.sc().addSparkListener(received);
  }

  /** Spends so many seconds on each number of tasks of each size. */
  static void run(int seconds, int sliceKilobytes, Map<String, String> settings)
      throws IOException {
    System.out.printf("load average %s%n", Files.readString(Path.of("/proc/loadavg")).strip());
    try (JavaSparkContext spark = spark(new SparkConf().setMaster("local[2]"), settings)) {
      new MergeBenchmark(spark, seconds, sliceKilobytes << 10).run("local[2]");
    }
    Path folder = Files.createTempDirectory("recall-merge");
    try (LoopbackCluster cluster = new LoopbackCluster(folder, 2, 2048)) {
      SparkConf conf = cluster.conf().set("spark.executor.extraJavaOptions", "-XX:+UseParallelGC");
      try (JavaSparkContext spark = spark(conf, settings)) {
        await("two executors")
            .atMost(Duration.ofSeconds(60))
            .until(() -> SparkRounds.executors(spark) == 2);
        new MergeBenchmark(spark, seconds, sliceKilobytes << 10).run("two executors");
      }
    }
    System.out.printf("load average %s%n", Files.readString(Path.of("/proc/loadavg")).strip());
  }

  private static JavaSparkContext spark(SparkConf conf, Map<String, String> settings) {
    settings.forEach(conf::set);
    // The driver may not take more than 1 GiB of results unless it is told so.
    return new JavaSparkContext(
        conf.setAppName("recall merge")
            .set("spark.ui.enabled", "false")
            .set("spark.driver.maxResultSize", "0"));
  }

  private void run(String where) {
    System.out.printf(
        "%-14s %8s %5s | %9s %9s %6s | %10s %10s | %9s %9s | %s%n",
        where,
        "vector",
        "tasks",
        "driver",
        "executors",
        "ratio",
        "received",
        "received",
        "peak heap",
        "peak heap",
        "rounds");
    cell(KILOBYTES[0], TASKS[1], WARM_UP_SECONDS); // compiles Spark's code
    for (int kilobytes : KILOBYTES) {
      for (int tasks : TASKS) {
        System.out.printf("%-14s %s%n", where, cell(kilobytes, tasks, seconds));
      }
    }
  }

  /** Both ways in alternation. */
  private String cell(int kilobytes, int tasks, double seconds) {
    ShardsRdd shards = new ShardsRdd(spark, tasks, tasks);
    Made task = new Made(256 * kilobytes);
    int slices = (int) ((1024L * kilobytes + sliceBytes - 1) / sliceBytes);
    Way driver = new Way(new DriverMerge(tasks));
    Way executors = new Way(new ExecutorMerge(tasks, slices));
    driver.round(shards, task);
    executors.round(shards, task);
    driver.clear();
    executors.clear();
    long end = System.nanoTime() + Math.round(1e9 * seconds);
    while (driver.nanos.size() < FEWEST || System.nanoTime() < end) {
      float[] one = driver.round(shards, task).sum().vector();
      float[] other = executors.round(shards, task).sum().vector();
      if (!Arrays.equals(one, other)) {
        throw new IllegalStateException("the ways differ");
      }
    }
    driver.weigh(shards, task);
    executors.weigh(shards, task);
    return String.format(
        Locale.ROOT,
        "%5.2f MiB %5d | %6.1f ms %6.1f ms %6.2f | %6.1f MiB %6.1f MiB | %5d MiB %5d MiB | %d",
        kilobytes / 1024.0,
        tasks,
        driver.median(),
        executors.median(),
        executors.median() / driver.median(),
        driver.mebibytes(),
        executors.mebibytes(),
        driver.peak >> 20,
        executors.peak >> 20,
        driver.nanos.size());
  }

  /** One way to merge, and what it took. */
  private final class Way {
    private final Merge merge;
    private final List<Long> nanos = new ArrayList<>();
    private long bytes;
    private long peak;

    Way(Merge merge) {
      this.merge = merge;
    }

    RoundSum round(ShardsRdd shards, Made task) {
      long start = System.nanoTime();
      RoundSum sum = merge.run(spark, shards, task);
      nanos.add(System.nanoTime() - start);
      return sum;
    }

    /** Apart from the timed rounds: a full collection costs the next one its heap. */
    void weigh(ShardsRdd shards, Made task) {
      System.gc();
      heap().forEach(MemoryPoolMXBean::resetPeakUsage);
      awaitListener();
      received.bytes.set(0);
      merge.run(spark, shards, task);
      peak = heap().stream().mapToLong(pool -> pool.getPeakUsage().getUsed()).sum();
      awaitListener();
      bytes = received.bytes.get();
    }

    void clear() {
      nanos.clear();
    }

    double median() {
      return nanos.stream().sorted().skip(nanos.size() / 2).findFirst().orElseThrow() / 1e6;
    }

    double mebibytes() {
      return bytes / 1048576.0;
    }
  }

  private void awaitListener() {
    try {
      spark.listenerBus().waitUntilEmpty();
    } catch (TimeoutException e) {
      throw new IllegalStateException("Spark's listeners lag behind", e);
    }
  }

  private static List<MemoryPoolMXBean> heap() {
    return ManagementFactory.getMemoryPoolMXBeans().stream()
        .filter(pool -> pool.getType() == MemoryType.HEAP)
        .toList();
  }

  /** Bytes of tasks' results. */
  private static final class Received extends SparkListener {
    private final AtomicLong bytes = new AtomicLong();

    @Override
    public void onTaskEnd(SparkListenerTaskEnd end) {
      bytes.addAndGet(end.taskMetrics().resultSize());
    }
  }

  /** A task whose shards have contributions of this length, that no compression makes smaller. */
  private static final class Made
      extends AbstractFunction2<TaskContext, Iterator<Integer>, TaskResult>
      implements Serializable {

    private static final long serialVersionUID = 1L;

    private final int length;

    Made(int length) {
      this.length = length;
    }

    @Override
    public TaskResult apply(TaskContext context, Iterator<Integer> partition) {
      List<Integer> shards = new ArrayList<>();
      while (partition.hasNext()) {
        shards.add(partition.next());
      }
      return TaskResult.of(shards, this::contribution);
    }

    private GradientSum contribution(int shard) {
      GradientSum sum = new GradientSum(length);
      float[] vector = sum.vector();
      int state = shard + 1;
      for (int i = 0; i < vector.length; i++) {
        state = 1664525 * state + 1013904223;
        vector[i] = state;
      }
      sum.addLoss(shard, 1);
      return sum;
    }
  }
}
