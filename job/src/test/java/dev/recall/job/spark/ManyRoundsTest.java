package dev.recall.job.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.recall.job.config.Configs;
import dev.recall.job.config.RunConfig;
import dev.recall.job.train.RoundRunner;
import dev.recall.job.train.ShardPlan;
import dev.recall.job.train.Trainer;
import dev.recall.job.train.TrainingState;
import java.io.IOException;
import java.io.Serializable;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkEnv;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.storage.BlockId;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import scala.runtime.AbstractFunction1;

/** What is left of ten thousand rounds on a standalone cluster with two executors. */
@Tag("cluster")
@Tag("long")
@Timeout(value = 400, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class ManyRoundsTest {

  private static final int ROUNDS = 10_000;
  private static final int BETWEEN = 1_000;

  /**
   * Blocks that may be left: the plan of the rounds, and what the garbage collector has not told
   * Spark of yet.
   */
  private static final int BLOCKS = 8;

  /** Collections before caches of Spark and the JVM are full. */
  private static final int FILLING = 2;

  /** Collections that are compared: what is in those caches comes and goes by a megabyte or two. */
  private static final int COMPARED = (ROUNDS / BETWEEN - FILLING) / 2;

  /** What 200 bytes a round would make between the first of these collections and the last. */
  private static final long GROWTH = 200L * COMPARED * BETWEEN;

  /** What a JVM holds after a full collection. */
  private record Held(String who, long heap, int blocks) implements Serializable {

    static Held here() {
      System.gc();
      return new Held(
          SparkEnv.get().executorId(),
          ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed(),
          SparkEnv.get().blockManager().getMatchingBlockIds(new All()).size());
    }
  }

  private static final class All extends AbstractFunction1<BlockId, Object> {
    @Override
    public Object apply(BlockId id) {
      return true;
    }
  }

  /** What the driver and the executors hold, in this order. */
  private static List<Held> held(JavaSparkContext spark) {
    Held driver =
        await("the driver lets go of blocks")
            .atMost(Duration.ofSeconds(30))
            .until(Held::here, held -> held.blocks <= BLOCKS);
    List<Held> executors =
        await("a task on each executor")
            .atMost(Duration.ofSeconds(30))
            .until(
                () ->
                    spark.parallelize(List.of(1, 2), 2).map(one -> Held.here()).collect().stream()
                        .sorted((one, other) -> one.who.compareTo(other.who))
                        .toList(),
                found ->
                    !found.get(0).who.equals(found.get(1).who)
                        && found.stream().allMatch(held -> held.blocks <= BLOCKS));
    List<Held> all = new ArrayList<>(List.of(driver));
    all.addAll(executors);
    return all;
  }

  @Test
  void tenThousandRoundsLeaveNothingBehind(@TempDir Path folder) throws IOException {
    RunConfig config =
        Configs.small(
            "stop.rounds=" + ROUNDS,
            "training.shards=1",
            "task.batch-size=1",
            "validation.every-rounds=0",
            "checkpoint.every-rounds=" + ROUNDS);
    List<List<Held>> held = new ArrayList<>();
    try (LoopbackCluster cluster = new LoopbackCluster(folder)) {
      SparkConf conf =
          cluster
              .conf()
              .setAppName("many rounds")
              .set("spark.ui.enabled", "false")
              // As SparkHome does for small models.
              .set("spark.broadcast.blockSize", "256k")
              // Spark's status store keeps what its pages could show; here that is soon full.
              .set("spark.ui.retainedJobs", "100")
              .set("spark.ui.retainedStages", "100");
      try (JavaSparkContext spark = new JavaSparkContext(conf)) {
        await("two executors")
            .atMost(Duration.ofSeconds(60))
            .until(() -> SparkRounds.executors(spark) == 2);
        long[] start = {System.nanoTime()};
        try (RoundRunner rounds =
            new SparkRounds(spark, ShardPlan.of(config), config.spark(), ROUNDS)) {
          Trainer trainer =
              new Trainer(
                  config,
                  List.of(
                      report -> {
                        if (report.round() % BETWEEN == 0) {
                          double each = (System.nanoTime() - start[0]) / 1e6 / BETWEEN;
                          held.add(held(spark));
                          print(report.round(), each, held.get(held.size() - 1));
                          start[0] = System.nanoTime();
                        }
                      }));
          float[] parameters = config.initializer().initialize(config.model(), config.seed());
          trainer.train(TrainingState.initial(config, parameters), rounds);
        }
      }
    }
    for (int jvm = 0; jvm < 3; jvm++) {
      long first = leastHeap(held.subList(FILLING, FILLING + COMPARED), jvm);
      long last = leastHeap(held.subList(held.size() - COMPARED, held.size()), jvm);
      assertThat(last - first)
          .as("growth of the heap of %s, %,d bytes at first", held.get(0).get(jvm).who, first)
          .isLessThan(GROWTH);
    }
  }

  private static long leastHeap(List<List<Held>> held, int jvm) {
    return held.stream().mapToLong(all -> all.get(jvm).heap).min().orElseThrow();
  }

  private static void print(int round, double millis, List<Held> held) {
    StringBuilder line =
        new StringBuilder(String.format(Locale.ROOT, "round %6d, %.2f ms each", round, millis));
    for (Held jvm : held) {
      line.append(
          String.format(Locale.ROOT, " | %s: %,d bytes, %d blocks", jvm.who, jvm.heap, jvm.blocks));
    }
    System.out.println(line);
  }
}
