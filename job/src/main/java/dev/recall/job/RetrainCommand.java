package dev.recall.job;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.recall.job.config.InvalidConfig;
import dev.recall.job.config.RetrainConfig;
import dev.recall.job.config.RunConfig;
import dev.recall.job.config.UserError;
import dev.recall.job.registry.Lease;
import dev.recall.job.registry.ModelRegistry;
import dev.recall.job.registry.ModelVersion;
import dev.recall.job.registry.Step;
import dev.recall.job.spark.SparkHome;
import dev.recall.job.store.RunDirectory;
import dev.recall.job.store.Storage;
import java.io.IOException;
import java.io.PrintWriter;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code recall retrain}. */
@Command(
    name = "retrain",
    description =
        "Trains the next version of a model and puts it into service if it is better than the one"
            + " that is. For schedules: the same --scheduled trains once, however often it is run.",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    sortOptions = false)
final class RetrainCommand implements Callable<Integer> {

  private static final int TRIES = 5;
  private static final double SHORTEST_SECONDS = 1e-9; // shorter than any round
  private static final Pattern PERIOD = Pattern.compile("([1-9]\\d{0,3})([mhd])");

  @Spec private CommandSpec spec;

  @Mixin private ConfigOptions options;

  @Option(
      names = "--registry",
      required = true,
      paramLabel = "DIR",
      description = "Directory of all models, on any Hadoop file system.")
  private String root;

  @Option(names = "--name", required = true, paramLabel = "NAME", description = "The model's name.")
  private String name;

  @Option(
      names = "--scheduled",
      paramLabel = "TIME",
      description =
          "The scheduled time that this is for, such as 2026-11-22T06:00:00Z; default now. An attempt"
              + " for the same time that was interrupted is gone on with.")
  private String scheduled;

  @Option(
      names = "--every",
      paramLabel = "PERIOD",
      description =
          "Instead of --scheduled: the last whole period since 1970 in UTC, such as 30m, 6h or 1d.")
  private String every;

  @Option(
      names = "--until",
      paramLabel = "TIME",
      description =
          "Training ends by then, with what it has, such as 2026-11-22T06:00:00Z. For a length of time"
              + " set stop.seconds.")
  private String until;

  @Option(
      names = "--examples",
      paramLabel = "N",
      description =
          "Trains on at most so many sequences, but at least a round: the whole rounds that fit become"
              + " stop.rounds.")
  private Long examples;

  @Option(names = "--summary", paramLabel = "FILE", description = "Writes the outcome as JSON.")
  private String summaryFile;

  @Option(
      names = "--without-spark",
      description = "Runs the rounds on threads of this JVM; the result has the same bits.")
  private boolean withoutSpark;

  private Storage storage;
  private ModelRegistry registry;
  private Instant time;
  private final ObjectNode summary = JsonNodeFactory.instance.objectNode();

  @Override
  public Integer call() throws IOException, InvalidConfig {
    time = scheduledTime();
    if (until != null) {
      time("--until", until); // refused before any work
    }
    if (examples != null && examples < 1) {
      throw new UserError("--examples: expected at least 1, found " + examples);
    }
    storage = new Storage(SparkHome.hadoopSettings());
    Summary.checkTarget(storage, summaryFile);
    registry = ModelRegistry.open(storage, root, name);
    summary.put("model", registry.path());
    summary.put("scheduled", time.toString());
    try {
      RunConfig config = options.load(storage, List.of(), List.of(seed()));
      int exitCode = isDone() ? 0 : retrainUnlessHeld(config);
      registry.now().inService().ifPresent(number -> summary.put("in_service", number));
      summarise(exitCode);
      return exitCode;
    } catch (IOException | InvalidConfig | RuntimeException e) {
      failed(e);
      throw e;
    }
  }

  private void summarise(int exitCode) throws IOException {
    summary.put("exit_code", exitCode);
    Summary.write(storage, summaryFile, Provenance.text(summary));
  }

  /** For whoever reads the summary and not the log. */
  private void failed(Exception e) {
    summary.put("outcome", "failed");
    summary.put("reason", e.getMessage());
    try {
      summarise(Main.exitCode(e));
    } catch (IOException | RuntimeException alsoFailed) {
      e.addSuppressed(alsoFailed);
    }
  }

  private Instant scheduledTime() {
    if (scheduled != null && every != null) {
      throw new UserError("--every: expected no --scheduled beside it");
    }
    if (scheduled != null) {
      return time("--scheduled", scheduled).truncatedTo(ChronoUnit.SECONDS);
    }
    long now = Instant.now().getEpochSecond();
    return Instant.ofEpochSecond(every == null ? now : now - now % seconds(every));
  }

  private static long seconds(String period) {
    Matcher matcher = PERIOD.matcher(period);
    if (!matcher.matches()) {
      throw new UserError("--every: expected a period such as 30m, 6h or 1d, found " + period);
    }
    ChronoUnit unit =
        switch (matcher.group(2)) {
          case "m" -> ChronoUnit.MINUTES;
          case "h" -> ChronoUnit.HOURS;
          default -> ChronoUnit.DAYS;
        };
    return unit.getDuration().multipliedBy(Long.parseLong(matcher.group(1))).toSeconds();
  }

  private static Instant time(String option, String text) {
    try {
      return Instant.parse(text);
    } catch (DateTimeParseException e) {
      throw new UserError(option + ": expected a time such as 2026-11-22T06:00:00Z, found " + text);
    }
  }

  /** Versions that are trained alike would be the same, bit for bit: each time has its own seed. */
  private String seed() throws InvalidConfig {
    long configured = options.load(storage).seed();
    return "seed=" + (configured + time.getEpochSecond());
  }

  private boolean isDone() {
    OptionalInt gone = registry.gone(time.toString());
    if (gone.isPresent()) {
      done(gone.getAsInt(), "version %d was trained for %s and removed since");
      return true;
    }
    OptionalInt version = registry.trainedFor(time.toString());
    if (version.isEmpty() || registry.decision(version.getAsInt()).isEmpty()) {
      return false;
    }
    done(version.getAsInt(), "version %d was trained for %s");
    return true;
  }

  private void done(int version, String sentence) {
    summary.put("version", version);
    outcome("done already", sentence.formatted(version, time));
  }

  private void outcome(String word, String sentence) {
    summary.put("outcome", word);
    summary.put("reason", sentence);
    PrintWriter out = spec.commandLine().getOut();
    out.println(word + ": " + sentence);
    out.flush();
  }

  private void say(String line) {
    PrintWriter err = spec.commandLine().getErr();
    err.println(line);
    err.flush();
  }

  private int retrainUnlessHeld(RunConfig config) throws IOException, InvalidConfig {
    Duration length = Duration.ofSeconds(config.retrain().leaseSeconds());
    try (Lease lease = Lease.take(registry, length, this::say)) {
      if (isDone()) {
        return 0;
      }
      // An attempt before may have ended between publishing and judging.
      OptionalInt before = registry.trainedFor(time.toString());
      return before.isPresent()
          ? decide(lease, before.getAsInt(), config.retrain())
          : retrain(config, lease);
    } catch (Lease.Taken e) {
      outcome("left alone", e.getMessage());
      return 0;
    }
  }

  private int retrain(RunConfig config, Lease lease) throws IOException, InvalidConfig {
    OptionalInt champion = registry.now().inService();
    RetrainConfig.Start start =
        champion.isPresent() ? config.retrain().start() : RetrainConfig.Start.SCRATCH;
    if (champion.isPresent()) {
      Judge.check(ServedModel.read(registry, champion.getAsInt()), config.task());
    }
    List<Training.Ended> challengers = challengers(config, start, champion);
    if (ended(challengers)) {
      Training.Ended last = challengers.get(challengers.size() - 1);
      outcome("interrupted", "the same command goes on in " + last.directory().path());
      return last.exitCode();
    }
    if (!lease.isMine()) {
      return tooLate();
    }
    RunDirectory run = Judge.better(challengers, config.retrain()).directory();
    registry.publish(lease.number(), time.toString(), run.path(), files(run));
    return decide(lease, lease.number(), config.retrain());
  }

  private List<Training.Ended> challengers(
      RunConfig config, RetrainConfig.Start start, OptionalInt champion)
      throws IOException, InvalidConfig {
    int share = start == RetrainConfig.Start.BETTER ? 2 : 1;
    List<Training.Ended> challengers = new ArrayList<>();
    try (OneCluster spark = withoutSpark ? null : new OneCluster()) {
      if (start != RetrainConfig.Start.SCRATCH) {
        String file = modelFile(champion.orElseThrow());
        challengers.add(train(spark, config, "champion", file, share));
      }
      if (start != RetrainConfig.Start.CHAMPION && !ended(challengers)) {
        challengers.add(train(spark, config, "scratch", null, share));
      }
    }
    return challengers;
  }

  private int tooLate() {
    outcome("too late", "the lease was taken over; nothing goes into service");
    return Main.FAILED;
  }

  private static boolean ended(List<Training.Ended> trainings) {
    return trainings.stream().anyMatch(training -> training.exitCode() != 0);
  }

  private String modelFile(int version) {
    return registry.directory(version) + "/" + ModelVersion.MODEL;
  }

  /** Goes on with the attempt for the same time, or begins it. */
  private Training.Ended train(
      OneCluster spark, RunConfig config, String from, String init, int share)
      throws IOException, InvalidConfig {
    String run = registry.runDirectory(time.toString(), from);
    Training training =
        new Training(
            "recall retrain " + name,
            options,
            limits(config, share),
            spark,
            spec.commandLine().getErr());
    return RunDirectory.isThere(storage, run)
        ? training.goOn(storage, run, Training.Changes.LIMITS_AFTER_THE_SAME_COMMAND)
        : training.begin(storage, run, init);
  }

  /** Of the time that is left a training gets one of so many equal shares. */
  private List<String> limits(RunConfig config, int share) throws InvalidConfig {
    List<String> limits = new ArrayList<>(List.of(seed()));
    if (examples != null) {
      limits.add("stop.rounds=" + wholeRounds(config, examples / share));
    }
    if (until != null) {
      double left =
          Duration.between(Instant.now(), time("--until", until)).toMillis() / 1e3 / share;
      double own = config.stop().seconds();
      // What there is when the time is over is judged, after one round more.
      double seconds = Math.max(SHORTEST_SECONDS, left);
      limits.add("stop.seconds=" + (own > 0 ? Math.min(own, seconds) : seconds));
    }
    return limits;
  }

  private long wholeRounds(RunConfig config, long most) {
    long perRound =
        (long) config.training().shards()
            * config.training().localSteps()
            * config.task().batchSize();
    long rounds = Math.max(1, most / perRound);
    String line = "%,d examples are %,d rounds of %,d, %,d in all";
    say(String.format(Locale.ROOT, line, most, rounds, perRound, rounds * perRound));
    return rounds;
  }

  /** Judged anew when somebody puts another version into service meanwhile. */
  private int decide(Lease lease, int version, RetrainConfig rule) throws IOException {
    summary.put("version", version);
    ServedModel challenger = ServedModel.read(registry, version);
    for (int i = 0; i < TRIES; i++) {
      Step now = registry.now();
      if (!lease.isMine()) { // asked after: who takes it over makes a step
        return tooLate();
      }
      Optional<Step> before = registry.promotion(version);
      if (before.isPresent()) { // by an attempt that ended before it wrote the decision
        ObjectNode decision = JsonNodeFactory.instance.objectNode();
        return decided(version, true, before.get().reason(), before.get(), decision);
      }
      Judge.Verdict verdict = Judge.of(challenger, champion(now), version, rule);
      if (!verdict.promotes() || registry.promote(version, now, verdict.why()).isPresent()) {
        return decided(version, verdict.promotes(), verdict.why(), now, verdict.json());
      }
      say("another version went into service meanwhile: judging again");
    }
    throw new IOException(
        registry.path() + ": others changed what is in service " + TRIES + " times");
  }

  /** The decision is written last: without it the same command decides again. */
  private int decided(int version, boolean promoted, String why, Step on, ObjectNode figures)
      throws IOException {
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    json.put("promote", promoted);
    json.put("reason", why);
    on.inService().ifPresent(champion -> json.put("champion", champion));
    json.put("decided_on_step", on.number());
    json.setAll(figures);
    registry.decide(version, json);
    summary.set("judgement", figures);
    String which = promoted ? "version " + version : inService(on);
    outcome(promoted ? "promoted" : "kept", which + ": " + why);
    return 0;
  }

  private static String inService(Step step) {
    return step.inService().isPresent() ? "version " + step.inService().getAsInt() : "no version";
  }

  private Optional<ServedModel> champion(Step now) {
    return now.inService().isPresent()
        ? Optional.of(ServedModel.read(registry, now.inService().getAsInt()))
        : Optional.empty();
  }

  /** What a version consists of, but for its decision. */
  private Map<String, byte[]> files(RunDirectory run) {
    Map<String, byte[]> files = new LinkedHashMap<>();
    files.put(ModelVersion.MODEL, storage.read(run.path() + "/" + run.result().name()));
    for (String file : List.of("config.conf", "run.json", RunDirectory.STATEMENT, "summary.json")) {
      files.put(file, storage.read(run.path() + "/" + file));
    }
    return files;
  }
}
