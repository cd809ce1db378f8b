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
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalTime;
import java.time.ZoneId;
import java.time.ZonedDateTime;
import java.time.format.DateTimeParseException;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
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
          "Training ends by then, with what it has: a time such as 2026-11-22T06:00:00Z, or 06:00,"
              + " the first after the scheduled time on this machine's clock.")
  private String until;

  @Option(
      names = "--examples",
      paramLabel = "N",
      description = "Trains on so many sequences; sets stop.rounds.")
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
      end(); // refused before any work
    }
    if (examples != null && examples < 1) {
      throw new UserError("--examples: expected at least 1, found " + examples);
    }
    storage = new Storage(SparkHome.hadoopSettings());
    Summary.checkTarget(storage, summaryFile);
    registry = ModelRegistry.open(storage, root, name);
    RunConfig config = options.load(storage, List.of(), List.of(seed()));
    summary.put("model", registry.path());
    summary.put("scheduled", time.toString());
    int exitCode = isDone() ? 0 : retrainUnlessHeld(config);
    registry.now().inService().ifPresent(number -> summary.put("in_service", number));
    Summary.write(storage, summaryFile, Provenance.text(summary));
    return exitCode;
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

  /** A time of day is the first after the scheduled time, whenever an attempt is gone on with. */
  private Instant end() {
    try {
      ZonedDateTime from = time.atZone(ZoneId.systemDefault());
      ZonedDateTime sameDay = from.with(LocalTime.parse(until));
      return (sameDay.isAfter(from) ? sameDay : sameDay.plusDays(1)).toInstant();
    } catch (DateTimeParseException e) {
      return time("--until", until);
    }
  }

  /** Versions that are trained alike would be the same, bit for bit: each time has its own seed. */
  private String seed() throws InvalidConfig {
    long configured = options.load(storage).seed();
    return "seed=" + (configured + time.getEpochSecond());
  }

  private boolean isDone() {
    for (int number : registry.versions()) {
      if (registry.version(number).scheduled().equals(time.toString())) {
        outcome("done already", "version %d was trained for %s".formatted(number, time));
        summary.put("version", number);
        return true;
      }
    }
    return false;
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
      return isDone() ? 0 : retrain(config, lease);
    } catch (Lease.Taken e) {
      outcome("left alone", e.getMessage());
      return 0;
    }
  }

  private int retrain(RunConfig config, Lease lease) throws IOException, InvalidConfig {
    OptionalInt champion = registry.now().inService();
    RetrainConfig.Start start =
        champion.isPresent() ? config.retrain().start() : RetrainConfig.Start.SCRATCH;
    List<Training.Ended> challengers = new ArrayList<>();
    if (start != RetrainConfig.Start.SCRATCH) {
      int share = start == RetrainConfig.Start.BETTER ? 2 : 1;
      challengers.add(train(config, "champion", modelFile(champion.orElseThrow()), share));
    }
    if (start != RetrainConfig.Start.CHAMPION && !ended(challengers)) {
      challengers.add(train(config, "scratch", null, 1));
    }
    if (ended(challengers)) {
      Training.Ended last = challengers.get(challengers.size() - 1);
      outcome("interrupted", "the same command goes on in " + last.directory().path());
      return last.exitCode();
    }
    return publish(lease, new Challengers(challengers, lease.number(), config.retrain()));
  }

  private static boolean ended(List<Training.Ended> trainings) {
    return trainings.stream().anyMatch(training -> training.exitCode() != 0);
  }

  private String modelFile(int version) {
    return registry.directory(version) + "/" + ServedModel.FILE;
  }

  /** Goes on with the attempt for the same time, or begins it. */
  private Training.Ended train(RunConfig config, String from, String init, int share)
      throws IOException, InvalidConfig {
    String run = registry.runDirectory(time.toString(), from);
    Training training =
        new Training(
            "recall retrain " + name,
            options,
            limits(config, share),
            withoutSpark,
            spec.commandLine().getErr());
    return RunDirectory.isThere(storage, run)
        ? training.goOn(storage, run, Training.Changes.LIMITS_AFTER_THE_SAME_COMMAND)
        : training.begin(storage, run, init);
  }

  /** Of the time that is left a training gets one of so many equal shares. */
  private List<String> limits(RunConfig config, int share) throws InvalidConfig {
    List<String> limits = new ArrayList<>(List.of(seed()));
    if (examples != null) {
      long perRound =
          (long) config.training().shards()
              * config.training().localSteps()
              * config.task().batchSize();
      limits.add("stop.rounds=" + Math.max(1, examples / perRound));
    }
    if (until != null) {
      Instant end = end();
      double left = Duration.between(Instant.now(), end).toMillis() / 1e3 / share;
      if (left <= 0) {
        throw new UserError("--until: expected a time to come, found " + end);
      }
      double own = config.stop().seconds();
      limits.add("stop.seconds=" + (own > 0 ? Math.min(own, left) : left));
    }
    return limits;
  }

  /** Judged anew when somebody puts another version into service meanwhile. */
  private int publish(Lease lease, Challengers challengers) throws IOException {
    for (int i = 0; i < TRIES; i++) {
      Step now = registry.now();
      if (!lease.isMine()) { // asked after: who takes it over makes a step
        outcome("too late", "the lease was taken over; nothing is published");
        return Main.FAILED;
      }
      Challengers.Decision decision = challengers.judge(champion(now));
      ModelVersion version =
          registry.publish(lease.number(), time.toString(), files(decision, now));
      summary.put("version", version.number());
      summary.set("judgement", decision.json());
      if (!decision.promotes()) {
        outcome("kept", inService(now) + ": " + decision.why());
        return 0;
      }
      if (registry.promote(version.number(), now, decision.why()).isPresent()) {
        outcome("promoted", "version %d: %s".formatted(version.number(), decision.why()));
        return 0;
      }
      say("another version went into service meanwhile: judging again");
    }
    throw new IOException(
        registry.path() + ": others changed what is in service " + TRIES + " times");
  }

  private static String inService(Step step) {
    return step.inService().isPresent() ? "version " + step.inService().getAsInt() : "no version";
  }

  private Optional<ServedModel> champion(Step now) {
    return now.inService().isPresent()
        ? Optional.of(ServedModel.read(registry, now.inService().getAsInt()))
        : Optional.empty();
  }

  /** What a version consists of. */
  private Map<String, byte[]> files(Challengers.Decision decision, Step now) {
    RunDirectory run = decision.training().directory();
    Map<String, byte[]> files = new LinkedHashMap<>();
    files.put(ServedModel.FILE, storage.read(run.path() + "/" + run.result().name()));
    for (String file : List.of("config.conf", "run.json", RunDirectory.STATEMENT, "summary.json")) {
      files.put(file, storage.read(run.path() + "/" + file));
    }
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    json.put("promote", decision.promotes());
    json.put("reason", decision.why());
    now.inService().ifPresent(champion -> json.put("champion", champion));
    json.put("decided_on_step", now.number());
    json.put("run_directory", run.path());
    json.setAll(decision.json());
    files.put("decision.json", Provenance.text(json).getBytes(StandardCharsets.UTF_8));
    return files;
  }
}
