package dev.recall.job;

import dev.recall.job.config.ConfigLoader;
import dev.recall.job.config.ConfigSource;
import dev.recall.job.config.InvalidConfig;
import dev.recall.job.config.RunConfig;
import dev.recall.job.config.UserError;
import dev.recall.job.plan.Calibration;
import dev.recall.job.plan.Cores;
import dev.recall.job.plan.Decision;
import dev.recall.job.plan.EmptyRound;
import dev.recall.job.report.Progress;
import dev.recall.job.spark.SparkCluster;
import dev.recall.job.spark.SparkHome;
import dev.recall.job.store.Checkpoint;
import dev.recall.job.store.RunDirectory;
import dev.recall.job.store.Storage;
import dev.recall.job.train.LocalRounds;
import dev.recall.job.train.RoundRunner;
import dev.recall.job.train.ShardPlan;
import dev.recall.job.train.Trainer;
import dev.recall.job.train.TrainingOutcome;
import dev.recall.job.train.TrainingState;
import dev.recall.model.Evaluation;
import dev.recall.model.format.Safetensors;
import java.io.IOException;
import java.io.PrintWriter;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code recall train}. */
@Command(
    name = "train",
    description =
        "Trains a model, or goes on with a run. Paths without a scheme: --config and --summary are on"
            + " this machine's disk, others on Hadoop's default file system.",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    sortOptions = false)
final class TrainCommand implements Callable<Integer> {

  private static final DateTimeFormatter RUN_NAME =
      DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss-SSS", Locale.ROOT);

  /** Spent on {@code training.local-steps = auto}. */
  private static final double CALIBRATION_SECONDS = 1.5;

  private static final double EMPTY_ROUND_SECONDS = 2;

  @Spec private CommandSpec spec;

  @Mixin private ConfigOptions options;

  @Option(
      names = "--run",
      paramLabel = "DIR",
      description = "Directory of the new run, on any Hadoop file system; default runs/<time>.")
  private String run;

  @Option(
      names = "--resume",
      paramLabel = "DIR",
      description =
          "Goes on with the run in DIR from its newest checkpoint. --config and --set may change"
              + " limits (stop.*, but for patience) and what has no effect on the result.")
  private String resume;

  @Option(
      names = "--init",
      paramLabel = "FILE",
      description = "Starts from the parameter blocks in a safetensors file.")
  private String init;

  @Option(
      names = "--summary",
      paramLabel = "FILE",
      description = "Writes the result as JSON, in addition to summary.json of the run.")
  private String summaryFile;

  @Option(
      names = "--without-spark",
      description = "Runs the rounds on threads of this JVM; the result has the same bits.")
  private boolean withoutSpark;

  @Override
  public Integer call() throws IOException, InvalidConfig {
    if (resume != null && (run != null || init != null)) {
      throw new UserError("--resume: expected neither --run nor --init beside it");
    }
    Storage storage = new Storage(SparkHome.hadoopSettings());
    Summary.checkTarget(storage, summaryFile);
    return resume != null ? goOn(storage) : begin(storage);
  }

  private int goOn(Storage storage) throws IOException, InvalidConfig {
    RunConfig config = resumedConfig(storage);
    RunDirectory directory = RunDirectory.open(storage, storage.qualify(resume), config);
    TrainingState state = directory.restore();
    try (SparkCluster cluster = cluster(config)) {
      return train(storage, config, directory, state, List.of(), cluster);
    }
  }

  private int begin(Storage storage) throws IOException, InvalidConfig {
    RunConfig given = options.load(storage);
    float[] start = startingPoint(storage, given);
    String path = storage.qualify(newRun());
    RunDirectory.create(storage, path, given); // refuses a place that is taken
    boolean auto = given.training().autoLocalSteps();
    RunConfig config = auto ? with(storage, budget(given)) : given;
    List<String> remarks = List.of();
    try (SparkCluster cluster = cluster(config)) {
      if (auto) {
        Decision decision = decision(config, cluster);
        config = with(storage, decision.assignments());
        remarks = decision.lines();
        remarks.forEach(spec.commandLine().getErr()::println);
      }
      TrainingState state = TrainingState.initial(config, start);
      RunDirectory directory = RunDirectory.create(storage, path, config);
      return train(storage, config, directory, state, remarks, cluster);
    }
  }

  private static List<String> budget(RunConfig config) {
    return List.of("training.local-steps=" + config.training().localSteps());
  }

  private RunConfig with(Storage storage, List<String> assignments) throws InvalidConfig {
    return options.load(storage, List.of(), assignments);
  }

  private Decision decision(RunConfig config, SparkCluster cluster) {
    EmptyRound empty = withoutSpark ? EmptyRound.THREADS : cluster.emptyRound(EMPTY_ROUND_SECONDS);
    int atOnce = withoutSpark ? threads() : cluster.parallelism();
    return Decision.of(
        config,
        Calibration.measure(config, CALIBRATION_SECONDS, empty),
        Cores.ofTheDriver(atOnce),
        withoutSpark ? "threads" : cluster.master());
  }

  private String newRun() {
    return run != null ? run : "runs/" + ZonedDateTime.now(ZoneOffset.UTC).format(RUN_NAME);
  }

  private float[] startingPoint(Storage storage, RunConfig config) {
    if (init == null) {
      return config.initializer().initialize(config.model(), config.seed());
    }
    return Checkpoint.result(
        init, Checkpoint.tensors(init, storage.read(init)), config.model().layout());
  }

  private RunConfig resumedConfig(Storage storage) throws InvalidConfig {
    String directory = storage.qualify(resume);
    ConfigSource stored =
        ConfigSource.stored(
            directory + "/config.conf", RunDirectory.configText(storage, directory));
    RunConfig before = ConfigLoader.load(List.of(stored), List.of());
    RunConfig now = options.load(storage, List.of(stored));
    List<String> conflicts = before.exactnessConflicts(now);
    if (!conflicts.isEmpty()) {
      throw new UserError(
          "--resume "
              + resume
              + ": these settings decide the result and cannot change:"
              + System.lineSeparator()
              + String.join(System.lineSeparator(), conflicts));
    }
    return now;
  }

  private int train(
      Storage storage,
      RunConfig config,
      RunDirectory directory,
      TrainingState state,
      List<String> remarks,
      SparkCluster cluster)
      throws IOException {
    Progress progress = Progress.to(spec.commandLine().getErr(), config, state);
    TrainingOutcome outcome;
    // Nothing is written before the cluster is there.
    try (RoundRunner rounds = rounds(config, cluster)) {
      if (resume == null) {
        directory.begin(state, remarks);
      } else {
        directory.goOn(state);
      }
      progress.started(directory.path());
      outcome = train(config, directory, state, progress, rounds);
    }
    Evaluation evaluation = HeldOut.evaluate(config, state.result());
    String digest = Safetensors.sha256(state.result());
    Summary summary =
        Summary.of(config, evaluation, digest)
            .put("rounds", state.round())
            .put("examples", state.examples())
            .put("seconds", outcome.seconds())
            .put("useful_share", outcome.usefulShare())
            .put("stopped_because", outcome.reason().name().toLowerCase(Locale.ROOT))
            .put("run_directory", directory.path());
    directory.writeSummary(summary.text());
    PrintWriter out = spec.commandLine().getOut();
    Result.print(out, config, state, outcome, evaluation, digest, directory);
    summary.write(storage, summaryFile);
    return 0;
  }

  /** However training ends before its time, the user is told how to go on. */
  private TrainingOutcome train(
      RunConfig config,
      RunDirectory directory,
      TrainingState state,
      Progress progress,
      RoundRunner rounds)
      throws IOException {
    Thread hint = new Thread(() -> sayHowToGoOn(progress, directory));
    Runtime.getRuntime().addShutdownHook(hint);
    boolean done = false;
    try {
      TrainingOutcome outcome =
          new Trainer(config, List.of(directory, progress)).train(state, rounds);
      done = true;
      return outcome;
    } finally {
      if (removed(hint) && !done) {
        sayHowToGoOn(progress, directory);
      }
    }
  }

  private void sayHowToGoOn(Progress progress, RunDirectory directory) {
    progress.interrupted(directory.lastCheckpoint());
    PrintWriter err = spec.commandLine().getErr();
    err.println("to go on: deploy/bin/recall train --resume " + directory.path());
    err.flush();
  }

  /** False when the JVM is going down already: then the hook has its say. */
  private static boolean removed(Thread hook) {
    try {
      return Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      return false;
    }
  }

  /** Null without Spark. */
  private SparkCluster cluster(RunConfig config) {
    return withoutSpark ? null : SparkCluster.start("recall train", ShardPlan.of(config));
  }

  private static int threads() {
    return Runtime.getRuntime().availableProcessors();
  }

  private RoundRunner rounds(RunConfig config, SparkCluster cluster) {
    ShardPlan plan = ShardPlan.of(config);
    return withoutSpark
        ? new LocalRounds(plan, threads())
        : cluster.rounds(plan, config.sparkTasks());
  }
}
