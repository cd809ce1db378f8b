package dev.recall.job.spark;

import static org.awaitility.Awaitility.await;

import com.sun.management.OperatingSystemMXBean;
import dev.recall.job.audit.RoundChoice;
import dev.recall.job.audit.Verification;
import dev.recall.job.config.ConfigLoader;
import dev.recall.job.config.InvalidConfig;
import dev.recall.job.config.RunConfig;
import dev.recall.job.config.SparkConfig;
import dev.recall.job.plan.Calibration;
import dev.recall.job.plan.Cores;
import dev.recall.job.plan.EmptyRound;
import dev.recall.job.plan.RoundEstimate;
import dev.recall.job.plan.UnitCosts;
import dev.recall.job.plan.Workload;
import dev.recall.job.registry.RollbackBenchmark;
import dev.recall.job.spark.predict.PredictBenchmark;
import dev.recall.job.store.RunDirectory;
import dev.recall.job.store.RunReader;
import dev.recall.job.store.Storage;
import dev.recall.job.train.ChainLine;
import dev.recall.job.train.LocalRounds;
import dev.recall.job.train.RoundReport;
import dev.recall.job.train.RoundRunner;
import dev.recall.job.train.RoundSum;
import dev.recall.job.train.ShardPlan;
import dev.recall.job.train.Trainer;
import dev.recall.job.train.TrainingListener;
import dev.recall.job.train.TrainingState;
import dev.recall.model.Evaluation;
import dev.recall.model.format.Safetensors;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;

/**
 * What rounds cost beside their gradients. Not JMH: what is compared must alternate in one JVM, and
 * mostly on one Spark context.
 */
public final class RoundBenchmark {

  private static final double MILLIS = 1e6;
  private static final int BLOCK_SECONDS = 3;

  /** In the names of jobs, where rounds are run for a time and not for a number. */
  private static final int NAMED_ROUNDS = 10_000;

  /** What Recall sets where spark-submit leaves it open. */
  private static final Map<String, String> AS_RECALL =
      Map.of("spark.broadcast.blockSize", RoundStart.CLOSURE_BYTES / 1024 + "k");

  private RoundBenchmark() {}

  /** The first argument names the benchmark, the others change its numbers. */
  public static void main(String[] args) throws IOException {
    List<String> rest = List.of(args).subList(1, args.length);
    switch (args[0]) {
      case "floor" -> floor(number(rest, 0, 4500), number(rest, 1, 2000));
      case "cores" -> cores(number(rest, 0, 60), number(rest, 1, 0), number(rest, 2, 0));
      case "drift" -> drift(number(rest, 0, 10_000));
      case "settings" ->
          settings(number(rest, 0, 30), number(rest, 1, 7), rest.subList(2, rest.size()));
      case "plan" -> plan(number(rest, 0, 12));
      case "saving" -> saving(number(rest, 0, 3));
      case "rollback" -> RollbackBenchmark.run(number(rest, 0, 11));
      case "predict" ->
          PredictBenchmark.run(number(rest, 0, 1_000_000), number(rest, 1, 9), number(rest, 2, 10));
      case "merge" ->
          MergeBenchmark.run(
              number(rest, 0, 10),
              number(rest, 1, ExecutorMerge.SLICE_BYTES >> 10),
              parsed(rest.size() > 2 ? rest.get(2) : ""));
      default ->
          throw new IllegalArgumentException(
              "expected floor, cores, drift, settings, plan, saving, rollback, predict or merge,"
                  + " found "
                  + args[0]);
    }
  }

  private static int number(List<String> args, int at, int otherwise) {
    return at < args.size() ? Integer.parseInt(args.get(at)) : otherwise;
  }

  private static JavaSparkContext spark(SparkConf conf, Map<String, String> settings) {
    conf.setAppName("recall rounds");
    settings.forEach(conf::set);
    return new JavaSparkContext(conf);
  }

  private static JavaSparkContext spark(String master, Map<String, String> settings) {
    return spark(new SparkConf().setMaster(master), settings);
  }

  private static SparkConfig asked(int tasks) {
    return new SparkConfig(tasks, 0, SparkConfig.MergeOn.AUTO);
  }

  private static RunConfig config(String... assignments) {
    List<String> all = new ArrayList<>(List.of("training.shards=8"));
    all.addAll(List.of(assignments));
    return defaultsBut(all);
  }

  private static RunConfig defaultsBut(List<String> assignments) {
    try {
      return ConfigLoader.load(List.of(), assignments);
    } catch (InvalidConfig e) {
      throw new IllegalArgumentException(e.getMessage(), e);
    }
  }

  private static TrainingState start(RunConfig config) {
    float[] parameters = config.initializer().initialize(config.model(), config.seed());
    return TrainingState.initial(config, parameters);
  }

  /** Trains with everything that a run has: optimizer, validation, metrics, checkpoints. */
  private static void train(RunConfig config, RoundRunner rounds, TrainingListener meter)
      throws IOException {
    TrainingState state = start(config);
    Path folder = Files.createTempDirectory("recall-rounds");
    RunDirectory directory =
        RunDirectory.create(
            new Storage(Map.of()),
            folder.resolve("run").toUri().toString(),
            config,
            System.err::println);
    directory.begin(state, List.of(), "{}");
    new Trainer(config, List.of(directory, meter)).train(state, rounds);
  }

  /**
   * The default run on threads: what its saves take, on the training thread and behind it, and what
   * its verification takes.
   */
  private static void saving(int times) throws IOException {
    System.out.printf("%-12s %9s %9s %7s %9s%n", "saves", "run s", "saving s", "share", "verify s");
    for (int time = 0; time < times; time++) {
      for (boolean background : List.of(false, true)) {
        RunConfig config = config("training.shards=4", "checkpoint.background=" + background);
        Path run = Files.createTempDirectory("recall-saving").resolve("run");
        long start = System.nanoTime();
        long saving = savedRun(config, run);
        double seconds = (System.nanoTime() - start) / 1e9;
        long verifying = System.nanoTime();
        RunReader reader = new RunReader(new Storage(Map.of()), run.toUri().toString());
        new Verification(reader, cores(), RoundBenchmark::noFigures, line -> {})
            .verify(new RoundChoice("all", 0));
        System.out.printf(
            Locale.ROOT,
            "%-12s %9.2f %9.3f %6.2f%% %9.2f%n",
            background ? "background" : "between",
            seconds,
            saving / 1e9,
            saving / 1e7 / seconds,
            (System.nanoTime() - verifying) / 1e9);
      }
    }
  }

  private static int cores() {
    return Runtime.getRuntime().availableProcessors();
  }

  private static Evaluation noFigures(RunConfig config, float[] parameters) {
    throw new IllegalStateException("there is no summary");
  }

  /** Nanoseconds that rounds waited for saves. */
  private static long savedRun(RunConfig config, Path run) throws IOException {
    TrainingState state = start(config);
    long[] nanos = new long[1];
    RunDirectory directory =
        RunDirectory.create(
            new Storage(Map.of()), run.toUri().toString(), config, System.err::println);
    TrainingListener timed =
        new TrainingListener() {
          @Override
          public void roundDone(RoundReport report) throws IOException {
            directory.roundDone(report);
          }

          @Override
          public void chained(ChainLine line) {
            directory.chained(line);
          }

          @Override
          public void checkpoint(TrainingState moment) throws IOException {
            long begun = System.nanoTime();
            directory.checkpoint(moment);
            nanos[0] += System.nanoTime() - begun;
          }
        };
    try (directory;
        RoundRunner rounds = new LocalRounds(ShardPlan.of(config), cores())) {
      String runJson =
          "{\"recall_run\":1,\"seed\":%d,\"start\":{\"parameters_sha256\":\"%s\"}}"
              .formatted(config.seed(), Safetensors.sha256(state.parameters()));
      directory.begin(state, List.of(), runJson);
      new Trainer(config, List.of(timed)).train(state, rounds);
      directory.finish(state);
    }
    return nanos[0];
  }

  /** Times of one kind of thing, in nanoseconds. */
  private static final class Times {
    private long[] nanos = new long[1024];
    private int count;

    void add(long value) {
      if (count == nanos.length) {
        nanos = Arrays.copyOf(nanos, 2 * count);
      }
      nanos[count++] = value;
    }

    double median() {
      return quantile(0.5);
    }

    double quantile(double share) {
      long[] sorted = Arrays.copyOf(nanos, count);
      Arrays.sort(sorted);
      return count == 0 ? Double.NaN : sorted[(int) (count * share)] / MILLIS;
    }

    double mean() {
      return Arrays.stream(nanos, 0, count).average().orElse(Double.NaN) / MILLIS;
    }

    int count() {
      return count;
    }

    void clear() {
      count = 0;
    }
  }

  /**
   * For one number of tasks: an empty job as anybody starts one, one on the rounds' RDD, a round.
   */
  private static final class Trio {
    private final int tasks;
    private final EmptyJob parallelized;
    private final EmptyJob shards;
    private final SparkRounds rounds;
    private final Times ofParallelized = new Times();
    private final Times ofShards = new Times();
    private final Times ofRounds = new Times();

    Trio(JavaSparkContext spark, ShardPlan plan, int tasks) {
      this.tasks = tasks;
      List<Integer> numbers = IntStream.range(0, plan.shards()).boxed().toList();
      parallelized = new EmptyJob(spark.sc(), spark.parallelize(numbers, tasks).rdd());
      shards = new EmptyJob(spark.sc(), new ShardsRdd(spark.sc(), plan.shards(), tasks));
      rounds = new SparkRounds(spark, plan, asked(tasks), NAMED_ROUNDS);
    }

    /** In turn, so that nothing has always the same before it. */
    RoundSum run(int round, float[] parameters, float[][] localState) {
      RoundSum sum = null;
      for (int i = 0; i < 3; i++) {
        switch ((i + round) % 3) {
          case 0 -> ofParallelized.add(parallelized.run());
          case 1 -> ofShards.add(shards.run());
          default -> {
            long start = System.nanoTime();
            sum = rounds.run(round, parameters, localState);
            ofRounds.add(System.nanoTime() - start);
          }
        }
      }
      return sum;
    }

    void print(double driver) {
      double with = ofRounds.median() + driver;
      System.out.printf(
          Locale.ROOT,
          "%d tasks, medians in ms: empty job %.3f (on the rounds' RDD %.3f), round %.3f,"
              + " ratio %.3f (%.3f)%n",
          tasks,
          ofParallelized.median(),
          ofShards.median(),
          with,
          with / ofParallelized.median(),
          with / ofShards.median());
    }

    void clear() {
      ofParallelized.clear();
      ofShards.clear();
      ofRounds.clear();
    }
  }

  /**
   * Empty jobs and synchronous rounds of two and of eight tasks in alternation, within a run. A
   * round's time is that of its job and of all that the driver does until the next one.
   */
  private static final class Alternating implements RoundRunner {
    private final List<Trio> trios = new ArrayList<>();
    private final Times busy = new Times();
    private final Times driver = new Times();
    private long exit;

    Alternating(JavaSparkContext spark, ShardPlan plan) {
      for (int tasks : new int[] {2, 8}) {
        trios.add(new Trio(spark, plan, tasks));
      }
    }

    @Override
    public RoundSum run(int round, float[] parameters, float[][] localState) {
      if (exit > 0) {
        driver.add(System.nanoTime() - exit);
      }
      RoundSum sum = null;
      for (Trio trio : trios) {
        sum = trio.run(round, parameters, localState);
      }
      busy.add(sum.busyNanos());
      exit = System.nanoTime();
      return sum;
    }

    @Override
    public void use(ShardPlan plan) {
      throw new IllegalStateException("no round of a benchmark is rejected");
    }

    void print(String title) {
      System.out.printf(
          Locale.ROOT,
          "%s: shards' work %.3f ms on all cores, driver between jobs %.3f ms (mean %.3f)%n",
          title,
          busy.median(),
          driver.median(),
          driver.mean());
      trios.forEach(trio -> trio.print(driver.median()));
      trios.forEach(Trio::clear);
      busy.clear();
      driver.clear();
    }

    @Override
    public int parallelism() {
      return 2;
    }

    @Override
    public void close() {
      trios.forEach(trio -> trio.rounds.close());
    }
  }

  private static void floor(int warmUp, int measured) throws IOException {
    RunConfig config = config("training.local-steps=1", "stop.rounds=" + (warmUp + measured));
    try (JavaSparkContext spark = spark("local[2]", AS_RECALL);
        Alternating rounds = new Alternating(spark, ShardPlan.of(config))) {
      train(
          config,
          rounds,
          report -> {
            if (report.round() == 1000 || report.round() == warmUp) {
              rounds.print("rounds up to " + report.round());
            }
          });
      rounds.print("last " + measured + " rounds");
    }
  }

  /** Rounds that are run in turn with others. */
  private static final class InTurn implements AutoCloseable {
    private final String name;
    private final RoundRunner rounds;
    private final Times times = new Times();
    private final Times busy = new Times();

    InTurn(String name, RoundRunner rounds) {
      this.name = name;
      this.rounds = rounds;
    }

    void run(int round, TrainingState state, boolean measured) {
      long start = System.nanoTime();
      RoundSum sum = rounds.run(round, state.parameters(), state.local());
      if (measured) {
        times.add(System.nanoTime() - start);
        busy.add(sum.busyNanos());
      }
    }

    /** Of all its time. */
    double usefulShare() {
      return busy.mean() / times.mean() / rounds.parallelism();
    }

    @Override
    public void close() {
      rounds.close();
    }
  }

  /**
   * Rounds of the default configuration on one core and on two, by Spark and by bare threads, round
   * by round in turn: what threads make of a second core is what the machine has to give. Empty
   * jobs before them let the JVM compile Spark's code.
   */
  private static void cores(int seconds, int localSteps, int emptyJobs) {
    RunConfig config =
        defaultsBut(localSteps == 0 ? List.of() : List.of("training.local-steps=" + localSteps));
    ShardPlan plan = ShardPlan.of(config);
    TrainingState state = start(config);
    try (JavaSparkContext spark = spark("local[2]", AS_RECALL);
        InTurn sparkOne =
            new InTurn("Spark, 1 task", new SparkRounds(spark, plan, asked(1), NAMED_ROUNDS));
        InTurn one = new InTurn("1 thread", new LocalRounds(plan, 1));
        InTurn sparkTwo =
            new InTurn("Spark, 2 tasks", new SparkRounds(spark, plan, asked(2), NAMED_ROUNDS));
        InTurn two = new InTurn("2 threads", new LocalRounds(plan, 2))) {
      EmptyJob empty = new EmptyJob(spark.sc(), new ShardsRdd(spark.sc(), plan.shards(), 2));
      for (int i = 0; i < emptyJobs; i++) {
        empty.run();
      }
      List<InTurn> all = List.of(sparkOne, one, sparkTwo, two);
      long from = System.nanoTime() + 15_000_000_000L;
      long end = from + seconds * 1_000_000_000L;
      for (int round = 0; System.nanoTime() < end || two.times.count() == 0; round++) {
        boolean measured = System.nanoTime() > from;
        for (InTurn runner : all) {
          runner.run(round, state, measured);
        }
      }
      double examples = 1000.0 * plan.examplesPerRound();
      for (InTurn runner : all) {
        System.out.printf(
            Locale.ROOT,
            "%-15s %,.0f examples/s, median round %.2f ms, useful share %.3f (%d rounds)%n",
            runner.name,
            examples / runner.times.mean(),
            runner.times.median(),
            runner.usefulShare(),
            runner.times.count());
      }
      System.out.printf(
          Locale.ROOT,
          "two cores of one: Spark %.3f, threads %.3f; Spark of threads: one %.3f, two %.3f%n",
          sparkOne.times.mean() / sparkTwo.times.mean(),
          one.times.mean() / two.times.mean(),
          one.times.mean() / sparkOne.times.mean(),
          two.times.mean() / sparkTwo.times.mean());
    }
  }

  /** Whether rounds become slower or leave something behind. */
  private static void drift(int count) throws IOException {
    RunConfig config = config("training.local-steps=1", "stop.rounds=" + count);
    try (JavaSparkContext spark = spark("local[2]", AS_RECALL);
        SparkRounds rounds = new SparkRounds(spark, ShardPlan.of(config), asked(2), count)) {
      long[] last = {System.nanoTime()};
      train(
          config,
          rounds,
          report -> {
            if (report.round() % 1000 == 0) {
              double each = (System.nanoTime() - last[0]) / MILLIS / 1000;
              System.gc();
              long heap = ManagementFactory.getMemoryMXBean().getHeapMemoryUsage().getUsed();
              System.out.printf(
                  Locale.ROOT,
                  "round %5d: %.3f ms a round, %d broadcast blocks, %.1f MB of heap%n",
                  report.round(),
                  each,
                  RoundsTest.broadcastBlocks(),
                  heap / 1e6);
              last[0] = System.nanoTime();
            }
          });
    }
  }

  /**
   * Compares Spark settings, each alone, with Spark's defaults: contexts one after the other in one
   * JVM, each candidate right after the defaults. A candidate is key=value, several joined by
   * commas; an empty one compares the defaults with themselves, which shows the noise.
   */
  private static void settings(int warmUpSeconds, int repetitions, List<String> candidates) {
    RunConfig config = config("training.local-steps=1");
    block("local[2]", Map.of(), config, warmUpSeconds);
    double[][] wall = new double[candidates.size()][repetitions];
    double[][] cpu = new double[candidates.size()][repetitions];
    for (int i = 0; i < candidates.size() * repetitions; i++) {
      int which = i % candidates.size();
      double[] defaults = block("local[2]", Map.of(), config, BLOCK_SECONDS);
      double[] with = block("local[2]", parsed(candidates.get(which)), config, BLOCK_SECONDS);
      wall[which][i / candidates.size()] = with[0] / defaults[0];
      cpu[which][i / candidates.size()] = with[1] / defaults[1];
      System.out.printf(
          Locale.ROOT,
          "%.3f ms, %.3f ms of CPU; %.3f, %.3f with %s%n",
          defaults[0],
          defaults[1],
          with[0],
          with[1],
          candidates.get(which));
    }
    for (int which = 0; which < wall.length; which++) {
      Arrays.sort(wall[which]);
      Arrays.sort(cpu[which]);
      System.out.printf(
          Locale.ROOT,
          "time %.3f (%.3f to %.3f), CPU time %.3f (%.3f to %.3f) of the defaults': %s%n",
          wall[which][repetitions / 2],
          wall[which][0],
          wall[which][repetitions - 1],
          cpu[which][repetitions / 2],
          cpu[which][0],
          cpu[which][repetitions - 1],
          candidates.get(which).isEmpty() ? "the defaults again" : candidates.get(which));
    }
  }

  private static Map<String, String> parsed(String candidate) {
    Map<String, String> settings = new HashMap<>();
    for (String setting : candidate.split(",")) {
      if (!setting.isEmpty()) {
        settings.put(setting.replaceFirst("=.*", ""), setting.replaceFirst("[^=]*=", ""));
      }
    }
    return settings;
  }

  /** Runs rounds for some seconds: the lower quartile of their time, and CPU time, in ms. */
  private static double[] block(
      String master, Map<String, String> settings, RunConfig config, int seconds) {
    try (JavaSparkContext spark = spark(master, settings);
        SparkRounds rounds = new SparkRounds(spark, ShardPlan.of(config), asked(0), NAMED_ROUNDS)) {
      Times times = new Times();
      long cpu = run(config, rounds, seconds, times, new Times());
      return new double[] {times.quantile(0.25), cpu / MILLIS / times.count()};
    }
  }

  /** Runs rounds for some seconds and keeps the times of the last three quarters. */
  private static long run(
      RunConfig config, RoundRunner rounds, int seconds, Times times, Times busy) {
    TrainingState state = start(config);
    long start = System.nanoTime();
    long from = start + Math.round(0.25e9 * seconds);
    long end = start + Math.round(1e9 * seconds);
    long cpu = 0;
    for (int round = 0; System.nanoTime() < end || times.count() == 0; round++) {
      long first = System.nanoTime();
      if (first > from && cpu == 0) {
        cpu = cpuNanos();
      }
      RoundSum sum = rounds.run(round, state.parameters(), state.local());
      if (cpu > 0) {
        times.add(System.nanoTime() - first);
        busy.add(sum.busyNanos());
      }
    }
    return cpuNanos() - cpu;
  }

  private static long cpuNanos() {
    return ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getProcessCpuTime();
  }

  /** What `recall plan` says, next to what rounds then take: one core, two, and two executors. */
  private static void plan(int seconds) throws IOException {
    for (String master : List.of("local[1]", "local[2]")) {
      try (JavaSparkContext spark = spark(master, AS_RECALL)) {
        compare(master, spark, Cores.ofTheDriver(spark.defaultParallelism()), seconds);
      }
    }
    Path folder = Files.createTempDirectory("recall-cluster");
    try (LoopbackCluster cluster = new LoopbackCluster(folder)) {
      SparkConf conf =
          cluster
              .conf()
              .set("spark.executor.extraJavaOptions", "--add-modules=jdk.incubator.vector");
      try (JavaSparkContext spark = spark(conf, AS_RECALL)) {
        await("two executors, and the driver")
            .atMost(Duration.ofSeconds(60))
            .until(() -> spark.sc().statusTracker().getExecutorInfos().length == 3);
        compare("two executors", spark, new Cores(2, 1, 100e6), seconds);
      }
    }
  }

  private static void compare(String where, JavaSparkContext spark, Cores cores, int seconds) {
    EmptyRound empty = new SparkCluster(spark).emptyRound(seconds / 3.0);
    for (String localSteps : List.of("1", "32", "256")) {
      RunConfig config = config("training.local-steps=" + localSteps);
      UnitCosts costs = Calibration.measure(config, seconds / 6.0, empty);
      Workload work = Workload.of(config);
      RoundEstimate predicted = RoundEstimate.of(costs, work, cores);
      Times times = new Times();
      Times busy = new Times();
      try (SparkRounds rounds =
          new SparkRounds(spark, ShardPlan.of(config), asked(0), NAMED_ROUNDS)) {
        run(config, rounds, seconds / 2, times, busy);
      }
      // Rounds alone: what the driver does between them is not in the truth, so not in this either.
      double round = 1e3 * (predicted.roundSeconds() - predicted.driverSeconds());
      double total = ShardPlan.of(config).examplesPerRound() * 1e3;
      System.out.printf(
          Locale.ROOT,
          "%s, %s local steps: predicted %.2f ms, %,.0f examples/s, useful share %.0f%%;"
              + " found %.2f ms, %,.0f, %.0f%%; ratio %.2f%n",
          where,
          localSteps,
          round,
          total / round,
          100 * 1e3 * predicted.busySeconds() / cores.total() / round,
          times.median(),
          total / times.median(),
          100 * busy.median() / cores.total() / times.median(),
          times.median() / round);
    }
  }
}
