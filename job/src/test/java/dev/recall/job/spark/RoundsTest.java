package dev.recall.job.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.recall.job.config.Configs;
import dev.recall.job.config.RunConfig;
import dev.recall.job.config.SparkConfig;
import dev.recall.job.config.SparkConfig.MergeOn;
import dev.recall.job.spark.FaultyTask.Fault;
import dev.recall.job.train.LocalRounds;
import dev.recall.job.train.RoundRunner;
import dev.recall.job.train.RoundSum;
import dev.recall.job.train.ShardPlan;
import dev.recall.job.train.Trainer;
import dev.recall.job.train.TrainingListener;
import dev.recall.job.train.TrainingState;
import dev.recall.model.format.Safetensors;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.apache.spark.MapOutputTrackerMaster;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkEnv;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerExecutorRemoved;
import org.apache.spark.scheduler.SparkListenerJobStart;
import org.apache.spark.scheduler.SparkListenerTaskEnd;
import org.apache.spark.scheduler.SparkListenerTaskStart;
import org.apache.spark.scheduler.StageInfo;
import org.apache.spark.serializer.JavaSerializer;
import org.apache.spark.serializer.KryoSerializer;
import org.apache.spark.storage.BlockId;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import scala.runtime.AbstractFunction1;

/** The promise: wherever and however the rounds of a run are computed, its result has one hash. */
@Tag("cluster")
// A fault that Spark does not notice would block for ever.
@Timeout(value = 90, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class RoundsTest {

  /** Shards send gradients. */
  private static final RunConfig GRADIENTS = config("training.local-steps=1");

  /** Shards take steps of their own; their optimizer's state goes back and forth. */
  private static final RunConfig LOCAL_STEPS = config("training.local-steps=4");

  private static RunConfig config(String localSteps) {
    return Configs.of(
        localSteps,
        "training.shards=8",
        "task.batch-size=8",
        "stop.rounds=12",
        "validation.every-rounds=0");
  }

  private static Class<?> serializer(String name) {
    return name.equals("Kryo") ? KryoSerializer.class : JavaSerializer.class;
  }

  private static SparkConf local(String master) {
    return new SparkConf(false)
        .setMaster(master)
        .setAppName("rounds")
        .set("spark.driver.host", "127.0.0.1")
        .set("spark.ui.enabled", "false");
  }

  private static TrainingState start(RunConfig config) {
    float[] parameters = config.initializer().initialize(config.model(), config.seed());
    return TrainingState.initial(config, parameters);
  }

  private static String hash(RunConfig config, RoundRunner rounds) {
    TrainingState state = start(config);
    try {
      new Trainer(config, List.of()).train(state, rounds);
    } catch (IOException e) {
      throw new IllegalStateException("nobody writes", e);
    }
    // The chain has the digest of every shard of every round.
    return Safetensors.sha256(state.parameters()) + ", chain " + state.snapshot().link();
  }

  private static String localHash(RunConfig config, int threads) {
    try (LocalRounds rounds = new LocalRounds(ShardPlan.of(config), threads)) {
      return hash(config, rounds);
    }
  }

  private static String sparkHash(JavaSparkContext spark, RunConfig config, int tasks) {
    return sparkHash(spark, config, ShardPlan.of(config), asked(tasks));
  }

  private static String sparkHash(
      JavaSparkContext spark, RunConfig config, ShardPlan plan, SparkConfig asked) {
    try (SparkRounds rounds = new SparkRounds(spark, plan, asked, config.stop().rounds())) {
      return hash(config, rounds);
    }
  }

  private static SparkConfig asked(int tasks) {
    return new SparkConfig(tasks, 0, MergeOn.AUTO);
  }

  private static SparkConfig mergedOnExecutors(int tasks) {
    return new SparkConfig(tasks, 0, MergeOn.EXECUTORS);
  }

  private static ShardPlan faulty(RunConfig config, Fault fault) {
    return ShardPlan.of(Configs.withTask(config, new FaultyTask(config.task(), fault, 4, 5)));
  }

  /** Counts what went wrong. */
  private static final class Faults extends SparkListener {
    private final AtomicInteger failed = new AtomicInteger();
    private final AtomicInteger copies = new AtomicInteger();
    private final AtomicInteger lost = new AtomicInteger();

    @Override
    public void onTaskStart(SparkListenerTaskStart start) {
      if (start.taskInfo().speculative()) {
        copies.incrementAndGet();
      }
    }

    @Override
    public void onTaskEnd(SparkListenerTaskEnd end) {
      if (!end.taskInfo().successful()) {
        failed.incrementAndGet();
      }
    }

    @Override
    public void onExecutorRemoved(SparkListenerExecutorRemoved removed) {
      lost.incrementAndGet();
    }
  }

  private static Faults watch(JavaSparkContext spark) {
    Faults faults = new Faults();
    spark.sc().addSparkListener(faults);
    return faults;
  }

  @Test
  void numbersOfThreadsDoNotChangeABit() {
    for (RunConfig config : List.of(GRADIENTS, LOCAL_STEPS)) {
      String expected = localHash(config, 1);
      assertThat(List.of(localHash(config, 2), localHash(config, 3), localHash(config, 8)))
          .containsOnly(expected);
    }
    assertThat(localHash(GRADIENTS, 1)).isNotEqualTo(localHash(LOCAL_STEPS, 1));
  }

  @ParameterizedTest
  @CsvSource({
    "local[1], Java, 0",
    "local[1], Kryo, 3",
    "local[2], Java, 1 3 8",
    "local[2], Kryo, 1 3 8",
    "local[4], Java, 0",
    "local[4], Kryo, 100"
  })
  void coresTasksAndSerializersDoNotChangeABit(
      String master, String serializer, String taskCounts) {
    Class<?> type = serializer(serializer);
    SparkConf conf =
        local(master)
            .set("spark.serializer", type.getName())
            .set("spark.kryo.registrationRequired", "false");
    try (JavaSparkContext spark = new JavaSparkContext(conf)) {
      for (RunConfig config : List.of(GRADIENTS, LOCAL_STEPS)) {
        String expected = localHash(config, 1);
        for (String tasks : taskCounts.split(" ")) {
          assertThat(sparkHash(spark, config, Integer.parseInt(tasks)))
              .as("%s, %s, %s tasks", master, serializer, tasks)
              .isEqualTo(expected);
        }
      }
    }
  }

  @Test
  void aTaskThatFailsAndIsRetriedDoesNotChangeABit() {
    try (JavaSparkContext spark = new JavaSparkContext(local("local[2,3]"))) {
      Faults faults = watch(spark);
      int failures = 0;
      for (RunConfig config : List.of(GRADIENTS, LOCAL_STEPS)) {
        for (int tasks : new int[] {1, 8}) {
          for (SparkConfig asked : List.of(asked(tasks), mergedOnExecutors(tasks))) {
            assertThat(sparkHash(spark, config, faulty(config, Fault.FAILS), asked))
                .isEqualTo(localHash(config, 1));
            failures++;
          }
        }
      }
      int expected = failures;
      await().untilAsserted(() -> assertThat(faults.failed).hasValue(expected));
    }
  }

  @Test
  void aTaskThatFailsTooOftenEndsTheRun() {
    try (JavaSparkContext spark = new JavaSparkContext(local("local[2]"))) {
      assertThatThrownBy(
              () -> sparkHash(spark, GRADIENTS, faulty(GRADIENTS, Fault.FAILS), asked(3)))
          .hasMessageContaining("the first attempt fails, as the test wants");
    }
  }

  /** Two executors of one core; the driver may have the vector engine, they have the plain one. */
  @Test
  void copiesOfSlowTasksAndLostExecutorsDoNotChangeABit(@TempDir Path folder) {
    try (LoopbackCluster cluster = new LoopbackCluster(folder)) {
      SparkConf conf =
          cluster
              .conf()
              .setAppName("rounds")
              .set("spark.ui.enabled", "false")
              .set("spark.serializer", KryoSerializer.class.getName())
              .set("spark.speculation", "true")
              .set("spark.speculation.interval", "10ms")
              .set("spark.speculation.quantile", "0.1")
              .set("spark.speculation.multiplier", "1.01")
              .set("spark.speculation.minTaskRuntime", "1ms");
      try (JavaSparkContext spark = new JavaSparkContext(conf)) {
        Faults faults = watch(spark);
        awaitExecutors(spark, 2);
        String gradients = localHash(GRADIENTS, 1);
        String localSteps = localHash(LOCAL_STEPS, 1);

        assertThat(sparkHash(spark, GRADIENTS, faulty(GRADIENTS, Fault.HANGS), asked(3)))
            .isEqualTo(gradients);
        assertThat(faults.copies).hasPositiveValue();
        int copies = faults.copies.get();
        assertThat(
                sparkHash(
                    spark, LOCAL_STEPS, faulty(LOCAL_STEPS, Fault.HANGS), mergedOnExecutors(8)))
            .isEqualTo(localSteps);
        assertThat(faults.copies).hasValueGreaterThan(copies);

        ShardPlan fatal = faulty(LOCAL_STEPS, Fault.TAKES_THE_EXECUTOR_WITH_IT);
        assertThat(sparkHash(spark, LOCAL_STEPS, fatal, asked(8))).isEqualTo(localSteps);
        await().untilAsserted(() -> assertThat(faults.lost).hasValue(1));
        awaitExecutors(spark, 2);
        assertThat(sparkHash(spark, LOCAL_STEPS, fatal, mergedOnExecutors(8)))
            .isEqualTo(localSteps);
        await().untilAsserted(() -> assertThat(faults.lost).hasValue(2));
        awaitShuffleFiles(folder, 0);
      }
    }
  }

  @Test
  void roundsLeaveNothingBehind() {
    // Spark's status store keeps what its pages could show; here that is soon full.
    SparkConf conf =
        local("local[2]").set("spark.ui.retainedJobs", "10").set("spark.ui.retainedStages", "10");
    RunConfig many = Configs.small("stop.rounds=700", "validation.every-rounds=0");
    try (JavaSparkContext spark = new JavaSparkContext(conf);
        SparkRounds rounds = new SparkRounds(spark, ShardPlan.of(many), asked(2), 700)) {
      Map<Integer, Long> heap = new HashMap<>();
      TrainingListener meter =
          report -> {
            if (report.round() % 300 == 100) {
              // Of a round there may be left what the garbage collector has not told Spark of yet.
              await()
                  .atMost(Duration.ofSeconds(20))
                  .until(
                      () -> {
                        System.gc();
                        return broadcastBlocks();
                      },
                      left -> left <= 4);
              heap.put(
                  report.round(),
                  ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed());
            }
          };
      train(many, rounds, meter);
      // 300 rounds that each left their start and their task behind would hold 300 x 8 kB, the
      // first 300 and the next; what fills a cache of Spark or of the JVM comes once.
      long first = heap.get(400) - heap.get(100);
      long next = heap.get(700) - heap.get(400);
      assertThat(Math.min(first, next)).as("%s, %s", first, next).isLessThan(1_500_000L);
    }
  }

  /**
   * Vectors too large for the closure are broadcast. With Spark's own cleaner off, what is not
   * destroyed stays.
   */
  @ParameterizedTest
  @ValueSource(strings = {"Java", "Kryo"})
  void largeModelsGiveTheSameBitsAndEachRoundDestroysItsBroadcast(String serializer) {
    RunConfig large =
        Configs.small(
            "model.layers=[1, (lstm, 100), 1]",
            "training.shards=3",
            "training.local-steps=2",
            "stop.rounds=3",
            "validation.every-rounds=0");
    assertThat(4L * 4 * large.model().layout().size()).isGreaterThan(RoundStart.CLOSURE_BYTES);
    SparkConf conf =
        local("local[2]")
            .set("spark.serializer", serializer(serializer).getName())
            .set("spark.cleaner.referenceTracking", "false");
    try (JavaSparkContext spark = new JavaSparkContext(conf)) {
      assertThat(sparkHash(spark, large, 2)).isEqualTo(localHash(large, 1));
      // Spark's own broadcast of the task, two blocks, is left of each round.
      await().untilAsserted(() -> assertThat(broadcastBlocks()).isEqualTo(2 * 3));
    }
  }

  /** 8 shards of a vector that takes six slices. */
  private static RunConfig large(String... assignments) {
    List<String> all =
        new ArrayList<>(
            List.of(
                "model.layers=[1, (lstm, 200), 1]",
                "training.shards=7",
                "stop.rounds=3",
                "validation.every-rounds=0"));
    all.addAll(List.of(assignments));
    return Configs.small(all.toArray(new String[0]));
  }

  @ParameterizedTest
  @ValueSource(strings = {"Java", "Kryo"})
  void sumsThatExecutorsMergeHaveTheSameBits(String serializer) {
    SparkConf conf = local("local[2]").set("spark.serializer", serializer(serializer).getName());
    try (JavaSparkContext spark = new JavaSparkContext(conf)) {
      for (String localSteps : List.of("training.local-steps=1", "training.local-steps=2")) {
        RunConfig large = large(localSteps);
        assertThat(ShardPlan.of(large).vectorBytes()).isGreaterThan(ExecutorMerge.SLICE_BYTES);
        String expected = localHash(large, 1);
        for (int tasks : new int[] {1, 3, 8}) {
          assertThat(sparkHash(spark, large, ShardPlan.of(large), mergedOnExecutors(tasks)))
              .as("%s, %s, %d tasks", serializer, localSteps, tasks)
              .isEqualTo(expected);
        }
      }
    }
  }

  @Test
  void executorsMergeWhatIsTooMuchForTheDriver() {
    ShardPlan plan = ShardPlan.of(large("training.local-steps=2"));
    int few = (int) (Merge.DRIVER_BYTES / plan.vectorBytes());
    assertThat(few).isGreaterThan(4);
    assertThat(Merge.of(MergeOn.AUTO, plan, few)).isInstanceOf(DriverMerge.class);
    assertThat(Merge.of(MergeOn.AUTO, plan, few + 1)).isInstanceOf(ExecutorMerge.class);
    assertThat(Merge.of(MergeOn.DRIVER, plan, few + 1)).isInstanceOf(DriverMerge.class);
    assertThat(Merge.of(MergeOn.EXECUTORS, plan, 1)).isInstanceOf(ExecutorMerge.class);
  }

  @Test
  void theDriverMergesWhatThreeTasksSend() {
    ShardPlan plan = ShardPlan.of(Configs.of("model.layers=[1, (lstm, 1200), 1]"));
    assertThat(3 * plan.vectorBytes()).isGreaterThan(Merge.DRIVER_BYTES);
    assertThat(Merge.of(MergeOn.AUTO, plan, 3)).isInstanceOf(DriverMerge.class);
    assertThat(Merge.of(MergeOn.AUTO, plan, 4)).isInstanceOf(ExecutorMerge.class);
  }

  /** Spark notices when the second stage fetches it, and goes back to the first. */
  @Test
  void aSliceThatIsLostBetweenTheStagesDoesNotChangeABit() {
    try (JavaSparkContext spark = new JavaSparkContext(local("local[2]"))) {
      Faults faults = watch(spark);
      assertThat(
              sparkHash(
                  spark,
                  LOCAL_STEPS,
                  faulty(LOCAL_STEPS, Fault.LOSES_WHAT_IT_WROTE),
                  mergedOnExecutors(3)))
          .isEqualTo(localHash(LOCAL_STEPS, 1));
      await().untilAsserted(() -> assertThat(faults.failed).hasPositiveValue());
    }
  }

  /** With Spark's own cleaner off, what is not released stays. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void roundsThatExecutorsMergeLeaveNoFilesBehind(boolean cleaner, @TempDir Path folder) {
    SparkConf conf =
        local("local[2]")
            .set("spark.local.dir", folder.toString())
            .set("spark.cleaner.referenceTracking", Boolean.toString(cleaner));
    try (JavaSparkContext spark = new JavaSparkContext(conf)) {
      sparkHash(spark, LOCAL_STEPS, ShardPlan.of(LOCAL_STEPS), mergedOnExecutors(3));
      awaitShuffleFiles(folder, 0);
      MapOutputTrackerMaster shuffles = (MapOutputTrackerMaster) SparkEnv.get().mapOutputTracker();
      assertThat(shuffles.shuffleStatuses().size()).isZero();
    }
  }

  private static void awaitShuffleFiles(Path folder, long count) {
    await().untilAsserted(() -> assertThat(shuffleFiles(folder)).isEqualTo(count));
  }

  private static long shuffleFiles(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      return files.filter(file -> file.getFileName().toString().startsWith("shuffle_")).count();
    }
  }

  private static void train(RunConfig config, RoundRunner rounds, TrainingListener listener) {
    TrainingState state = start(config);
    try {
      new Trainer(config, List.of(listener)).train(state, rounds);
    } catch (IOException e) {
      throw new IllegalStateException("nobody writes", e);
    }
  }

  /** Blocks of broadcasts in this process, also for the benchmark of rounds. */
  static int broadcastBlocks() {
    return SparkEnv.get()
        .blockManager()
        .getMatchingBlockIds(
            new AbstractFunction1<BlockId, Object>() {
              @Override
              public Object apply(BlockId id) {
                return id.isBroadcast();
              }
            })
        .size();
  }

  @Test
  void whatSparkTakesForARoundIsMeasured() {
    try (SparkCluster cluster = new SparkCluster(new JavaSparkContext(local("local[2]")))) {
      assertThat(cluster.emptyRound(0.1).of(2)).isPositive();
      assertThat(cluster.parallelism()).isEqualTo(2);
      assertThat(cluster.master()).isEqualTo("local[2]");
    }
  }

  /** What a job is called, and how many tasks its stages have. */
  private static final class Jobs extends SparkListener {
    private final List<String> names = new CopyOnWriteArrayList<>();
    private final List<Integer> tasks = new CopyOnWriteArrayList<>();

    @Override
    public void onJobStart(SparkListenerJobStart start) {
      Properties properties = start.properties();
      StageInfo stage = start.stageInfos().apply(0);
      tasks.add(stage.numTasks());
      names.add(
          properties.getProperty("spark.jobGroup.id")
              + " | "
              + properties.getProperty("spark.job.description")
              + " | "
              + stage.name());
    }
  }

  private static Jobs listen(JavaSparkContext spark) {
    Jobs jobs = new Jobs();
    spark.sc().addSparkListener(jobs);
    return jobs;
  }

  @Test
  void everyJobSaysWhichRoundItIsOf() {
    try (JavaSparkContext spark = new JavaSparkContext(local("local[2]"))) {
      Jobs jobs = listen(spark);
      spark.setJobGroup("ours", "nobody's", true);
      sparkHash(spark, GRADIENTS, 2);
      spark.parallelize(List.of(1)).count();
      await().untilAsserted(() -> assertThat(jobs.names).hasSize(13));
      assertThat(jobs.names.subList(0, 12))
          .startsWith("rounds 1-10 of 12 | round 1 of 12 | round 1 of 12")
          .contains("rounds 1-10 of 12 | round 10 of 12 | round 10 of 12")
          .contains("rounds 11-12 of 12 | round 11 of 12 | round 11 of 12")
          .endsWith("rounds 11-12 of 12 | round 12 of 12 | round 12 of 12");
      assertThat(jobs.names.get(12)).startsWith("ours | nobody's | count at RoundsTest.java:");
    }
  }

  @Test
  void emptyRoundsSayThatTheyAreEmpty() {
    JavaSparkContext spark = new JavaSparkContext(local("local[2]"));
    try (SparkCluster cluster = new SparkCluster(spark)) {
      Jobs jobs = listen(spark);
      cluster.emptyRound(0.1);
      await()
          .untilAsserted(
              () ->
                  assertThat(jobs.names)
                      .contains("empty rounds | empty round of 1 task | empty round of 1 task")
                      .contains("empty rounds | empty round of 8 tasks | empty round of 8 tasks"));
    }
  }

  private static void awaitExecutors(JavaSparkContext spark, int count) {
    await(count + " executors")
        .atMost(Duration.ofSeconds(60))
        .until(() -> SparkRounds.executors(spark) == count);
  }

  /** Runs one round of a run and returns how many tasks it had. */
  private static int tasksOfRound(
      JavaSparkContext spark, Jobs jobs, RoundRunner rounds, RoundRunner expected, int round) {
    float[] parameters = start(GRADIENTS).parameters();
    int before = jobs.tasks.size();
    RoundSum sum = rounds.run(round, parameters, new float[0][]);
    RoundSum local = expected.run(round, parameters, new float[0][]);
    assertThat(sum.sum().vector()).as("round %d", round).isEqualTo(local.sum().vector());
    assertThat(sum.shardDigests()).as("round %d", round).isEqualTo(local.shardDigests());
    await().until(() -> jobs.tasks.size() == before + 1);
    return jobs.tasks.get(before);
  }

  @Test
  void tasksFollowTheExecutorsThatComeAndGo(@TempDir Path folder) {
    try (LoopbackCluster cluster = new LoopbackCluster(folder, 3)) {
      SparkConf conf = cluster.conf().setAppName("rounds").set("spark.ui.enabled", "false");
      try (JavaSparkContext spark = new JavaSparkContext(conf);
          SparkRounds rounds = new SparkRounds(spark, ShardPlan.of(GRADIENTS), asked(0), 12);
          LocalRounds expected = new LocalRounds(ShardPlan.of(GRADIENTS), 1)) {
        Jobs jobs = listen(spark);
        awaitExecutors(spark, 3);
        assertThat(tasksOfRound(spark, jobs, rounds, expected, 0)).isEqualTo(3);
        assertThat(rounds.parallelism()).isEqualTo(3);
        spark.sc().killExecutor("1");
        awaitExecutors(spark, 2);
        assertThat(tasksOfRound(spark, jobs, rounds, expected, 1)).isEqualTo(2);
        assertThat(rounds.parallelism()).isEqualTo(2);
      }
    }
  }

  /** With a task per core that is there none would wait, and no executor would be asked for. */
  @ParameterizedTest
  @CsvSource({
    "true, 3, 1, 0, 3",
    "true, 3, '', 0, 4",
    "true, '', 1, 0, 4",
    "true, 1, 1, 0, 2",
    "true, '', 1, 3, 3",
    "false, 3, 1, 0, 2",
  })
  void roundsHaveMoreTasksThanCoresWhereDynamicAllocationMayBringExecutors(
      boolean dynamic, String most, String cores, int asked, int expected, @TempDir Path folder) {
    try (LoopbackCluster cluster = new LoopbackCluster(folder, 0)) {
      SparkConf conf =
          cluster
              .conf()
              .setAppName("rounds")
              .set("spark.ui.enabled", "false")
              .set("spark.dynamicAllocation.enabled", Boolean.toString(dynamic))
              .set("spark.dynamicAllocation.shuffleTracking.enabled", "true")
              .remove("spark.executor.cores");
      if (!most.isEmpty()) {
        conf.set("spark.dynamicAllocation.maxExecutors", most);
      }
      if (!cores.isEmpty()) {
        conf.set("spark.executor.cores", cores);
      }
      try (JavaSparkContext spark = new JavaSparkContext(conf)) {
        // Spark takes two cores for granted before executors have come.
        assertThat(new TaskCount(spark.sc(), 8, asked).now()).isEqualTo(expected);
        assertThat(new TaskCount(spark.sc(), 1, asked).now()).isEqualTo(1);
      }
    }
  }

  @Test
  void closingGivesBackOnlyWhatTheRoundsBrought() {
    try (JavaSparkContext spark = new JavaSparkContext(local("local[1]"))) {
      SparkRounds rounds = new SparkRounds(spark, ShardPlan.of(GRADIENTS), asked(0), 12);
      assertThat(rounds.parallelism()).isEqualTo(1);
      rounds.close();
      assertThat(spark.sc().isStopped()).isFalse();
    }
  }
}
