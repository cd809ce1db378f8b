package dev.recall.job;

import dev.recall.job.config.ConfigLoader;
import dev.recall.job.config.ConfigSource;
import dev.recall.job.config.InvalidConfig;
import dev.recall.job.config.RunConfig;
import dev.recall.job.config.Setting;
import dev.recall.job.config.Strategy;
import dev.recall.job.config.UserError;
import dev.recall.job.dl4j.AveragingRounds;
import dev.recall.job.dl4j.Dl4jJar;
import dev.recall.job.plan.Calibration;
import dev.recall.job.plan.Cores;
import dev.recall.job.plan.Decision;
import dev.recall.job.plan.EmptyRound;
import dev.recall.job.report.Progress;
import dev.recall.job.spark.SparkCluster;
import dev.recall.job.spark.SparkHome;
import dev.recall.job.spark.StopSignals;
import dev.recall.job.store.Checkpoints;
import dev.recall.job.store.RunDirectory;
import dev.recall.job.store.StartFile;
import dev.recall.job.store.Storage;
import dev.recall.job.train.ChainLine;
import dev.recall.job.train.LocalRounds;
import dev.recall.job.train.RoundRunner;
import dev.recall.job.train.ShardPlan;
import dev.recall.job.train.Snapshot;
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
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Consumer;

/**
 * Training in a run directory, as commands do it: from nothing, from given blocks, or from where
 * the run stands.
 */
final class Training {

  /** Spent on {@code training.local-steps = auto}. */
  private static final double CALIBRATION_SECONDS = 1.5;

  private static final double EMPTY_ROUND_SECONDS = 2;

  private final String application;
  private final ConfigOptions options;
  private final List<String> above;
  private final OneCluster spark; // null: threads
  private final PrintWriter err;

  private volatile Progress progress; // none before training

  /**
   * Prepares.
   *
   * @param application its name where spark-submit was given none
   * @param options the user's settings
   * @param above assignments above them
   * @param spark runs the rounds; null: threads
   * @param err receives progress
   */
  Training(
      String application,
      ConfigOptions options,
      List<String> above,
      OneCluster spark,
      PrintWriter err) {
    this.application = application;
    this.options = options;
    this.above = above;
    this.spark = spark;
    this.err = err;
  }

  /** What a run may change when it is gone on with. */
  enum Changes {
    /** Limits, and what has no effect on the result. */
    LIMITS,
    /** The same; what the run chose when it was told to choose stays chosen. */
    LIMITS_AFTER_THE_SAME_COMMAND,
    /** What decides the result too. */
    ALL
  }

  /**
   * How a training ended.
   *
   * @param exitCode 0 unless it was asked to end before its time; the rest but for the directory is
   *     null then
   */
  record Ended(
      int exitCode,
      RunDirectory directory,
      RunConfig config,
      TrainingState state,
      TrainingOutcome outcome,
      Evaluation evaluation,
      Summary summary) {

    String digest() {
      return Safetensors.sha256(state.result());
    }
  }

  /**
   * Where a run stands.
   *
   * @param found its newest checkpoint
   * @param config with which it goes on
   * @param changed the chain's line about settings that decide the bits, when they are others
   */
  private record Standing(
      Checkpoints.Found found,
      RunConfig config,
      TrainingState state,
      Optional<ChainLine> changed) {}

  /** Goes on with the run in a directory. */
  Ended goOn(Storage files, String path, Changes changes) throws IOException, InvalidConfig {
    RunConfig asked = standing(files, path, changes, this::say).config();
    SparkCluster cluster = cluster(asked);
    // Again: while this one waited for the cluster another may have gone on.
    Standing run = standing(files, path, changes, line -> {});
    Storage storage = storage(run.config());
    RunDirectory directory = RunDirectory.open(storage, path, run.config(), this::say);
    Snapshot otherwise = run.found().restored().now();
    Provenance provenance =
        Provenance.read(directory.runJson(), () -> directory.start(otherwise))
            .process(run.config(), run.state().round(), runner(run.config()));
    return train(
        storage,
        run.config(),
        directory,
        run.state(),
        provenance,
        cluster,
        () -> directory.goOn(run.found(), run.changed(), provenance.text()));
  }

  private Standing standing(Storage files, String path, Changes changes, Consumer<String> lines)
      throws InvalidConfig {
    String text = RunDirectory.configText(files, path);
    Checkpoints.Found found = Checkpoints.newest(files, path);
    found.passedOver().forEach(damaged -> lines.accept("passed over: " + damaged.message()));
    RunConfig before = found.restored().config();
    RunConfig config = again(files, changes, ConfigSource.stored(path + "/config.conf", text));
    check(config);
    Map<String, Setting> binding = allowed(path, changes, before, config);
    before.changes(config).forEach(change -> lines.accept("changed: " + change));
    TrainingState state = found.restored().state();
    if (binding.isEmpty()) {
      return new Standing(found, config, state, Optional.empty());
    }
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
    return new Standing(found, config, state, Optional.of(state.changed(values, before, config)));
  }

  private void check(RunConfig config) {
    config.training().engine().check();
    if (config.training().strategy() == Strategy.ROUNDS) {
      return;
    }
    if (spark == null) {
      throw new UserError(
          "--without-spark: expected training.strategy = rounds beside it, found "
              + config.training().strategy().text()
              + ", which is Deeplearning4j on Spark");
    }
    Dl4jJar.check();
  }

  /** What the run chose when it was told to choose stays chosen. */
  private RunConfig again(Storage files, Changes changes, ConfigSource stored)
      throws InvalidConfig {
    RunConfig config = options.load(files, List.of(stored), above);
    if (changes != Changes.LIMITS_AFTER_THE_SAME_COMMAND || !config.training().autoLocalSteps()) {
      return config;
    }
    RunConfig before = ConfigLoader.load(List.of(stored), List.of());
    List<String> chosen = new ArrayList<>(above);
    chosen.addAll(Decision.assignments(before.training().localSteps(), before.stop().rounds()));
    return options.load(files, List.of(stored), chosen);
  }

  /** What decides the result and is other than in the run; refused unless allowed. */
  private static Map<String, Setting> allowed(
      String path, Changes changes, RunConfig before, RunConfig now) {
    Map<String, Setting> binding = before.bindingChanges(now);
    if (!binding.isEmpty() && changes != Changes.ALL) {
      throw new UserError(
          path
              + ": these settings decide the result and cannot change without --resume and"
              + " --allow-changed:"
              + System.lineSeparator()
              + String.join(System.lineSeparator(), before.exactnessConflicts(now)));
    }
    return binding;
  }

  /**
   * Begins a run.
   *
   * @param path directory, free
   * @param init file to start from, as {@link StartFile} reads it, or null: the initializer
   */
  Ended begin(Storage files, String path, String init) throws IOException, InvalidConfig {
    RunConfig given = with(files, List.of());
    check(given);
    Optional<StartFile> file =
        Optional.ofNullable(init).map(from -> StartFile.read(files, from, given.model()));
    float[] start =
        file.map(StartFile::parameters)
            .orElseGet(() -> given.initializer().initialize(given.model(), given.seed()));
    RunDirectory.create(files, path, given, this::say); // refuses a place that is taken
    file.ifPresent(
        from ->
            say(
                "parameters of %s (%s), SHA-256 %s; the optimizer begins anew"
                    .formatted(from.path(), from.kind(), from.sha256())));
    boolean auto = given.training().autoLocalSteps();
    RunConfig first = auto ? with(files, budget(given)) : given;
    SparkCluster cluster = cluster(first);
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
    Provenance provenance =
        Provenance.of(state.snapshot(), file).process(config, 0, runner(config));
    return train(
        storage,
        config,
        directory,
        state,
        provenance,
        cluster,
        () -> directory.begin(state, remarks, provenance.text()));
  }

  private static Storage storage(RunConfig config) {
    return new Storage(SparkHome.hadoopSettings(), config.waits().storageSeconds());
  }

  private static List<String> budget(RunConfig config) {
    return List.of("training.local-steps=" + config.training().localSteps());
  }

  private RunConfig with(Storage storage, List<String> assignments) throws InvalidConfig {
    List<String> all = new ArrayList<>(above);
    all.addAll(assignments);
    return options.load(storage, List.of(), all);
  }

  private Decision decision(RunConfig config, SparkCluster cluster) {
    EmptyRound empty =
        spark == null
            ? EmptyRound.THREADS
            : WaitedCluster.emptyRound(config, cluster, EMPTY_ROUND_SECONDS, this::say);
    int atOnce = spark == null ? threads() : cluster.parallelism();
    return Decision.of(
        config,
        Calibration.measure(config, CALIBRATION_SECONDS, empty),
        Cores.ofTheDriver(atOnce),
        spark == null ? "threads" : cluster.master());
  }

  /** The first that a command writes. */
  private interface Opening {
    void write() throws IOException;
  }

  private Ended train(
      Storage storage,
      RunConfig config,
      RunDirectory directory,
      TrainingState state,
      Provenance provenance,
      SparkCluster cluster,
      Opening opening)
      throws IOException {
    progress = Progress.to(err, config, state);
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
        return new Ended(signals.exitCode(), directory, null, null, null, null, null);
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
    return new Ended(0, directory, config, state, outcome, evaluation, summary);
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
  void say(String line) {
    if (progress != null) {
      progress.say(line);
      return;
    }
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
    if (spark == null) {
      return null;
    }
    return spark.get(application, config, this::say);
  }

  private String runner(RunConfig config) {
    if (spark == null) {
      return threads() + " threads";
    }
    String spark = "Spark " + SparkHome.version() + " on " + SparkHome.master();
    return config.training().strategy() == Strategy.ROUNDS
        ? spark
        : spark + ", Deeplearning4j's parameter averaging";
  }

  private static int threads() {
    return Runtime.getRuntime().availableProcessors();
  }

  private RoundRunner rounds(RunConfig config, SparkCluster cluster) {
    ShardPlan plan = ShardPlan.of(config);
    if (config.training().strategy() == Strategy.DL4J_PARAMETER_AVERAGING) {
      return AveragingRounds.on(cluster, plan);
    }
    return spark == null
        ? new LocalRounds(plan, threads())
        : cluster.rounds(plan, config.spark(), config.stop().rounds());
  }
}
