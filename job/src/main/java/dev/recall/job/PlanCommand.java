package dev.recall.job;

import dev.recall.job.config.InvalidConfig;
import dev.recall.job.config.RunConfig;
import dev.recall.job.config.Strategy;
import dev.recall.job.config.UserError;
import dev.recall.job.plan.Calibration;
import dev.recall.job.plan.Cores;
import dev.recall.job.plan.Decision;
import dev.recall.job.plan.EmptyRound;
import dev.recall.job.plan.LocalSteps;
import dev.recall.job.plan.RoundEstimate;
import dev.recall.job.plan.UnitCosts;
import dev.recall.job.plan.Workload;
import dev.recall.job.spark.SparkCluster;
import dev.recall.job.spark.SparkHome;
import dev.recall.job.store.Storage;
import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code recall plan}. */
@Command(
    name = "plan",
    description = {
      "Predicts time, examples/s and useful share of a run, from costs that it measures here.",
      "Its figures are those of a JVM that has compiled its code: start-up, the first seconds of a"
          + " run and checkpoints are not in them."
    },
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    sortOptions = false)
final class PlanCommand implements Callable<Integer> {

  private static final double MEGABYTE = 1e6;

  @Spec private CommandSpec spec;

  @Mixin private ConfigOptions options;

  @Option(
      names = "--executors",
      paramLabel = "N",
      defaultValue = "0",
      description = "Executors; default 0: the driver itself runs the tasks.")
  private int executors;

  @Option(
      names = "--cores",
      paramLabel = "C",
      description = "Cores of each executor, or of the driver; default those of this machine.")
  private Integer cores;

  @Option(
      names = "--network-rate",
      paramLabel = "MB/S",
      defaultValue = "100",
      description = "What the driver sends or receives per second, with executors; default 100.")
  private double networkRate;

  @Option(
      names = "--seconds",
      paramLabel = "S",
      defaultValue = "4",
      description = "Time to spend on measuring; default 4.")
  private double seconds;

  @Option(
      names = "--without-spark",
      description = "Takes stored times of an empty round instead of measuring it on Spark.")
  private boolean withoutSpark;

  @Option(names = "--json", description = "Prints the figures as JSON, times in seconds.")
  private boolean json;

  /** An empty round and how it is known. */
  private record Empty(EmptyRound round, String source) {}

  @Override
  public Integer call() throws InvalidConfig {
    check("--executors", executors, executors >= 0, "a number of at least 0");
    check("--cores", cores == null ? 1 : cores, cores == null || cores >= 1, "at least 1");
    check("--network-rate", networkRate, networkRate > 0, "a number above 0");
    check("--seconds", seconds, seconds >= 0, "a number of at least 0");
    Storage storage = new Storage(SparkHome.hadoopSettings());
    RunConfig given = options.load(storage);
    if (given.training().strategy() != Strategy.ROUNDS) {
      throw new UserError(
          "training.strategy: expected rounds, whose costs are known, found "
              + given.training().strategy().text());
    }
    boolean auto = given.training().autoLocalSteps();
    RunConfig config =
        auto
            ? options.load(
                storage,
                List.of(),
                List.of("training.local-steps=" + given.training().localSteps()))
            : given;
    int each = cores == null ? Runtime.getRuntime().availableProcessors() : cores;
    Cores where =
        executors == 0
            ? Cores.ofTheDriver(each)
            : new Cores(executors, each, networkRate * MEGABYTE);
    Empty empty = empty(config);
    UnitCosts costs = Calibration.measure(config, seconds / 2, empty.round());
    Decision decision = Decision.of(config, costs, where, empty.source());
    Workload work = auto ? decision.chosen() : Workload.of(config);
    RoundEstimate estimate = RoundEstimate.of(costs, work, where);
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      out.print(json(costs, work, where, estimate, empty, decision).text());
    } else {
      print(out, config, costs, work, where, estimate, empty, decision);
    }
    out.flush();
    return 0;
  }

  private static void check(String option, double value, boolean fits, String expected) {
    if (!fits || Double.isInfinite(value)) {
      throw new UserError(option + ": expected " + expected + ", found " + value);
    }
  }

  private void say(String line) {
    spec.commandLine().getErr().println(line);
  }

  /** Measured where it can be: what the driver takes by itself says nothing of executors. */
  private Empty empty(RunConfig config) {
    if (!withoutSpark && SparkHome.isLocal() == (executors == 0)) {
      try (SparkCluster cluster = WaitedCluster.start("recall plan", config, this::say)) {
        return new Empty(
            WaitedCluster.emptyRound(config, cluster, seconds / 2, this::say),
            "measured on " + cluster.master());
      }
    }
    return executors == 0
        ? new Empty(EmptyRound.LOCAL, "stored, of local[2]")
        : new Empty(EmptyRound.CLUSTER, "stored, of two executors on one machine");
  }

  private static void print(
      PrintWriter out,
      RunConfig config,
      UnitCosts costs,
      Workload work,
      Cores cores,
      RoundEstimate estimate,
      Empty empty,
      Decision decision) {
    out.printf(
        Locale.ROOT,
        "%s, %d parameters, %d shards x %d local steps, batch %d, %d rounds%n",
        config.model().layers(),
        config.model().layout().size(),
        work.shards(),
        work.localSteps(),
        work.batchSize(),
        work.rounds());
    out.printf(
        Locale.ROOT,
        "%s, %d tasks%n%n",
        cores.executors() == 0
            ? cores.total() + " cores in the driver"
            : cores.executors() + " executors of " + cores.perExecutor() + " cores",
        estimate.tasks());
    line(out, "gradient", micros(costs.gradient()), "of a batch, measured here on one core");
    line(out, "batch", micros(costs.batch()), "to generate, measured here");
    line(out, "local step", micros(costs.localStep()), "measured here");
    line(out, "driver", micros(estimate.driverSeconds()), "merge, update, validation's part");
    line(out, "empty round", millis(estimate.emptySeconds()), empty.source());
    if (cores.executors() > 0) {
      line(
          out,
          "transfer",
          millis(estimate.transferSeconds()),
          String.format(
              Locale.ROOT,
              "%,d bytes a round at %.0f MB/s",
              estimate.bytes(),
              cores.bytesPerSecond() / MEGABYTE));
    }
    out.println();
    line(
        out,
        "round",
        millis(estimate.roundSeconds()),
        "of it " + millis(estimate.workSeconds()).strip() + " work of the busiest core");
    line(
        out,
        "examples/s",
        String.format(Locale.ROOT, "%,9.0f   ", estimate.examplesPerSecond()),
        "");
    line(
        out,
        "run",
        String.format(Locale.ROOT, "%9.1f s ", estimate.runSeconds()),
        "without start-up and the JVM's first seconds");
    line(
        out,
        "useful share",
        String.format(Locale.ROOT, "%9.0f %% ", 100 * estimate.usefulShare()),
        "");
    out.printf(
        Locale.ROOT,
        "%ntraining.local-steps=auto would take %d local steps, %d rounds: useful share %.0f%%,"
            + " %.1f s%n",
        decision.chosen().localSteps(),
        decision.chosen().rounds(),
        100 * decision.estimate().usefulShare(),
        decision.estimate().runSeconds());
    if (decision.estimate().usefulShare() < LocalSteps.USEFUL_SHARE) {
      out.println("more shards or larger batches would raise it");
    }
  }

  private static void line(PrintWriter out, String name, String value, String remark) {
    out.println((String.format(Locale.ROOT, "%-12s %s  ", name, value) + remark).stripTrailing());
  }

  private static String micros(double seconds) {
    return String.format(Locale.ROOT, "%9.1f us", 1e6 * seconds);
  }

  private static String millis(double seconds) {
    return String.format(Locale.ROOT, "%9.2f ms", 1e3 * seconds);
  }

  private static Summary json(
      UnitCosts costs,
      Workload work,
      Cores cores,
      RoundEstimate estimate,
      Empty empty,
      Decision decision) {
    return new Summary()
        .put("executors", cores.executors())
        .put("cores", cores.perExecutor())
        .put("shards", work.shards())
        .put("local_steps", work.localSteps())
        .put("rounds", work.rounds())
        .put("batch_size", work.batchSize())
        .put("tasks", estimate.tasks())
        .put("batch_seconds", costs.batch())
        .put("gradient_seconds", costs.gradient())
        .put("local_step_seconds", costs.localStep())
        .put("driver_seconds", estimate.driverSeconds())
        .put("empty_round_seconds", estimate.emptySeconds())
        .put("empty_round_source", empty.source())
        .put("bytes", estimate.bytes())
        .put("transfer_seconds", estimate.transferSeconds())
        .put("work_seconds", estimate.workSeconds())
        .put("round_seconds", estimate.roundSeconds())
        .put("examples_per_second", estimate.examplesPerSecond())
        .put("seconds", estimate.runSeconds())
        .put("useful_share", estimate.usefulShare())
        .put("auto_local_steps", decision.chosen().localSteps())
        .put("auto_rounds", decision.chosen().rounds())
        .put("auto_useful_share", decision.estimate().usefulShare());
  }
}
