package dev.recall.job;

import dev.recall.job.config.ConfigLoader;
import dev.recall.job.config.ConfigSource;
import dev.recall.job.config.InvalidConfig;
import dev.recall.job.config.RunConfig;
import dev.recall.job.config.Setting;
import dev.recall.job.config.UserError;
import dev.recall.job.plan.Calibration;
import dev.recall.job.plan.Cores;
import dev.recall.job.plan.Decision;
import dev.recall.job.plan.EmptyRound;
import dev.recall.job.report.Progress;
import dev.recall.job.spark.SparkCluster;
import dev.recall.job.spark.SparkHome;
import dev.recall.job.spark.StopSignals;
import dev.recall.job.store.Checkpoint;
import dev.recall.job.store.Checkpoints;
import dev.recall.job.store.RunDirectory;
import dev.recall.job.store.Storage;
import dev.recall.job.train.ChainLine;
import dev.recall.job.train.LocalRounds;
import dev.recall.job.train.RoundRunner;
import dev.recall.job.train.ShardPlan;
import dev.recall.job.train.StopReason;
import dev.recall.job.train.StoppingRule;
import dev.recall.job.train.Trainer;
import dev.recall.job.train.TrainingOutcome;
import dev.recall.job.train.TrainingState;
import dev.recall.job.train.Waits;
import dev.recall.model.Evaluation;
import dev.recall.model.format.Safetensors;
import java.io.IOException;
import java.io.PrintWriter;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
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
      names = "--or-resume",
      description =
          "With --run: goes on with the run in DIR if one is there. For drivers that a cluster starts"
              + " again with the same arguments.")
  private boolean orResume;

  @Option(
      names = "--allow-changed",
      description =
          "With --resume: lets settings change that decide the result. The run's hash chain says so.")
  private boolean allowChanged;

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

  private volatile Progress progress; // none before training

  @Override
  public Integer call() throws IOException, InvalidConfig {
    if (resume != null && (run != null || init != null)) {
      throw new UserError("--resume: expected neither --run nor --init beside it");
    }
    if (allowChanged && resume == null) {
      throw new UserError("--allow-changed: expected --resume beside it, found none");
    }
    if (orResume && run == null) {
      throw new UserError("--or-resume: expected --run beside it, found none");
    }
    Storage storage = new Storage(SparkHome.hadoopSettings());
    Summary.checkTarget(storage, summaryFile);
    if (resume != null) {
      return goOn(storage, storage.qualify(resume));
    }
    if (orResume && RunDirectory.isThere(storage, storage.qualify(run))) {
      say("goes on with the run that is there: " + storage.qualify(run));
      return goOn(storage, storage.qualify(run));
    }
    return begin(storage);
  }

  private int goOn(Storage files, String path) throws IOException, InvalidConfig {
    String text = RunDirectory.configText(files, path);
    Checkpoints.Found found = Checkpoints.newest(files, path);
    found.passedOver().forEach(damaged -> say("passed over: " + damaged.message()));
    RunConfig config = again(files, ConfigSource.stored(path + "/config.conf", text));
    Optional<ChainLine> changed = Optional.empty();
    Map<String, Setting> binding = allowed(path, found.restored().config(), config);
    TrainingState state = found.restored().state();
    if (!binding.isEmpty()) {
      if (state.round() >= config.stop().rounds()) {
        throw new UserError(
            "--allow-changed: expected rounds left to do with the changed settings, found "
                + state.round()
                + " of "
                + config.stop().rounds()
                + " done; raise stop.rounds");
      }
      Map<String, String> values = new TreeMap<>();
      binding.values().forEach(setting -> values.put(setting.key(), setting.value()));
      changed = Optional.of(state.changed(values, found.restored().config(), config));
    }
    Storage storage = storage(config);
    RunDirectory directory = RunDirectory.open(storage, path, config, this::say);
    Provenance provenance =
        Provenance.read(directory.runJson(), () -> directory.start(found.restored().now()))
            .process(config, state.round(), runner());
    Optional<ChainLine> line = changed;
    try (SparkCluster cluster = cluster(config)) {
      return train(
          storage,
          config,
          directory,
          state,
          provenance,
          cluster,
          () -> directory.goOn(found, line, provenance.text()));
    }
  }

  /** What the run chose when it was told to choose stays chosen. */
  private RunConfig again(Storage files, ConfigSource stored) throws InvalidConfig {
    RunConfig config = options.load(files, List.of(stored));
    if (!orResume || !config.training().autoLocalSteps()) {
      return config;
    }
    RunConfig before = ConfigLoader.load(List.of(stored), List.of());
    return options.load(
        files,
        List.of(stored),
        Decision.assignments(before.training().localSteps(), before.stop().rounds()));
  }

  /** Says what is other than in the run, and refuses what decides the result unless allowed. */
  private Map<String, Setting> allowed(String path, RunConfig before, RunConfig now) {
    Map<String, Setting> binding = before.bindingChanges(now);
    if (!binding.isEmpty() && !allowChanged) {
      throw new UserError(
          path
              + ": these settings decide the result and cannot change without --resume and"
              + " --allow-changed:"
              + System.lineSeparator()
              + String.join(System.lineSeparator(), before.exactnessConflicts(now)));
    }
    before.changes(now).forEach(change -> say("changed: " + change));
    return binding;
  }

  private int begin(Storage files) throws IOException, InvalidConfig {
    RunConfig given = options.load(files);
    float[] start = startingPoint(files, given);
    String path = files.qualify(newRun());
    RunDirectory.create(files, path, given, this::say); // refuses a place that is taken
    boolean auto = given.training().autoLocalSteps();
    RunConfig first = auto ? with(files, budget(given)) : given;
    try (SparkCluster cluster = cluster(first)) {
      RunConfig config = first;
      List<String> remarks = new ArrayList<>();
      if (auto) {
        Decision decision = decision(first, cluster);
        config = with(files, decision.assignments());
        remarks.addAll(decision.lines());
        remarks.forEach(this::say);
      }
      TrainingState state = TrainingState.initial(config, start);
      Storage storage = storage(config);
      RunDirectory directory = RunDirectory.create(storage, path, config, this::say);
      Provenance provenance = Provenance.of(state.snapshot(), init).process(config, 0, runner());
      return train(
          storage,
          config,
          directory,
          state,
          provenance,
          cluster,
          () -> directory.begin(state, remarks, provenance.text()));
    }
  }

  private static Storage storage(RunConfig config) {
    return new Storage(SparkHome.hadoopSettings(), config.waits().storageSeconds());
  }

  private static List<String> budget(RunConfig config) {
    return List.of("training.local-steps=" + config.training().localSteps());
  }

  private RunConfig with(Storage storage, List<String> assignments) throws InvalidConfig {
    return options.load(storage, List.of(), assignments);
  }

  private Decision decision(RunConfig config, SparkCluster cluster) {
    EmptyRound empty =
        withoutSpark
            ? EmptyRound.THREADS
            : WaitedCluster.emptyRound(config, cluster, EMPTY_ROUND_SECONDS, this::say);
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

  /** The first that a command writes. */
  private interface Opening {
    void write() throws IOException;
  }

  private int train(
      Storage storage,
      RunConfig config,
      RunDirectory directory,
      TrainingState state,
      Provenance provenance,
      SparkCluster cluster,
      Opening opening)
      throws IOException {
    progress = Progress.to(spec.commandLine().getErr(), config, state);
    TrainingOutcome outcome;
    // Nothing is written before the cluster is there.
    try (directory;
        Waits waits = WaitedCluster.waits(this::say);
        StopSignals signals = new StopSignals(this::say);
        RoundRunner rounds = waits.bound(rounds(config, cluster), config.waits().roundSeconds())) {
      opening.write();
      progress.started(directory.path());
      outcome = train(config, directory, state, signals, rounds);
      if (outcome.reason() == StopReason.SIGNAL) {
        sayHowToGoOn(directory);
        return signals.exitCode();
      }
    }
    Evaluation evaluation = HeldOut.evaluate(config, state.result());
    String digest = Safetensors.sha256(state.result());
    String why = outcome.reason().name().toLowerCase(Locale.ROOT);
    Summary summary =
        Summary.of(config, evaluation, digest)
            .put("rounds", state.round())
            .put("examples", state.examples())
            .put("seconds", outcome.seconds())
            .put("useful_share", outcome.usefulShare())
            .put("stopped_because", why)
            .put("run_directory", directory.path());
    provenance.result(state.snapshot(), why, directory.result());
    directory.writeResult(
        provenance.text(), InTotoStatement.of(provenance, directory.path()), summary.text());
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
      StopSignals signals,
      RoundRunner rounds)
      throws IOException {
    Thread hint = new Thread(() -> sayHowToGoOn(directory));
    Runtime.getRuntime().addShutdownHook(hint);
    boolean done = false;
    try {
      StoppingRule stop = new StoppingRule(config.stop(), signals::asked);
      TrainingOutcome outcome =
          new Trainer(config, List.of(directory, progress), stop).train(state, rounds);
      directory.finish(state);
      done = true;
      return outcome;
    } finally {
      if (removed(hint) && !done) {
        directory.close(); // a save that runs may be the last checkpoint
        sayHowToGoOn(directory);
      }
    }
  }

  private void sayHowToGoOn(RunDirectory directory) {
    progress.interrupted(directory.lastCheckpoint());
    say("to go on: deploy/bin/recall train --resume " + directory.path());
  }

  /** A line for the user, whatever else is shown. */
  private void say(String line) {
    if (progress != null) {
      progress.say(line);
      return;
    }
    PrintWriter err = spec.commandLine().getErr();
    err.println(line);
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
    if (withoutSpark) {
      return null;
    }
    return WaitedCluster.start("recall train", config, this::say);
  }

  private String runner() {
    return withoutSpark
        ? threads() + " threads"
        : "Spark " + SparkHome.version() + " on " + SparkHome.master();
  }

  private static int threads() {
    return Runtime.getRuntime().availableProcessors();
  }

  private RoundRunner rounds(RunConfig config, SparkCluster cluster) {
    ShardPlan plan = ShardPlan.of(config);
    return withoutSpark
        ? new LocalRounds(plan, threads())
        : cluster.rounds(plan, config.spark(), config.stop().rounds());
  }
}
