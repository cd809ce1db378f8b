package dev.recall.job.audit;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.recall.job.config.ConfigLoader;
import dev.recall.job.config.ConfigSource;
import dev.recall.job.config.EngineKind;
import dev.recall.job.config.InvalidConfig;
import dev.recall.job.config.RunConfig;
import dev.recall.job.config.Setting;
import dev.recall.job.config.Strategy;
import dev.recall.job.config.UserError;
import dev.recall.job.store.Checkpoint;
import dev.recall.job.store.Checkpoints;
import dev.recall.job.store.RunDirectory;
import dev.recall.job.store.RunReader;
import dev.recall.job.store.StartFile;
import dev.recall.job.store.Storage;
import dev.recall.job.train.ChainLine;
import dev.recall.job.train.Snapshot;
import dev.recall.job.train.TrainingState;
import dev.recall.model.Evaluation;
import dev.recall.model.format.Safetensors;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.function.BiFunction;
import java.util.function.Consumer;

/**
 * Holds a run to what it says, on this machine and without Spark: that its hash chain is in one
 * piece, that checkpoints, metrics, settings and result agree with it, and that rounds come out
 * again, bit for bit.
 */
public final class Verification {

  private static final double NANOS = 1e9;
  private static final ObjectMapper MAPPER = new ObjectMapper();

  private final RunReader run;
  private final int threads;
  private final BiFunction<RunConfig, float[], Evaluation> heldOut;
  private final Consumer<String> lines;
  private final Chain chain;
  private final TreeMap<Integer, Checkpoint.Restored> checkpoints = new TreeMap<>();
  private Metrics metrics;

  /**
   * Reads a run's chain.
   *
   * @param run the run
   * @param threads to compute rounds on, at least 1
   * @param heldOut takes the figures of the summary
   * @param lines receives what was found to be right
   * @throws NotReproduced when the chain is not in one piece
   */
  public Verification(
      RunReader run,
      int threads,
      BiFunction<RunConfig, float[], Evaluation> heldOut,
      Consumer<String> lines) {
    this.run = run;
    this.threads = threads;
    this.heldOut = heldOut;
    this.lines = lines;
    this.chain = Chain.of(run.chain());
  }

  /**
   * What was verified.
   *
   * @param rounds of the run
   * @param chosen how many of them were to be computed
   * @param computed how many were, with those between a checkpoint and a chosen one
   * @param seconds that took
   * @param parametersSha256 digest of the result
   * @param chain head of the chain
   */
  public record Verified(
      int rounds,
      int chosen,
      int computed,
      double seconds,
      String parametersSha256,
      String chain) {}

  /**
   * Verifies.
   *
   * @param choice rounds to compute
   * @return what was verified
   * @throws NotReproduced naming the first round that is not as the run says
   * @throws IOException never, as nothing is written
   */
  public Verified verify(RoundChoice choice) throws IOException {
    lines.accept("chain: %d lines, every link right".formatted(chain.entries().size()));
    readCheckpoints();
    lines.accept("checkpoints: %d, each in the chain".formatted(checkpoints.size()));
    JsonNode runJson = json("run.json").orElseThrow(() -> missing("run.json"));
    boolean ended = runJson.has("result");
    if (!ended) {
      lines.accept("run.json: no result yet, the run has not ended");
      // A process that was killed may have written lines without their checkpoint.
      chain.cutAfter(checkpoints.lastKey());
    }
    SortedSet<Integer> chosen = choice.of(chain.head().round());
    metrics = Metrics.of(run.metrics(), chain, ended);
    Checkpoint.Restored last = checkpoints.lastEntry().getValue();
    checkStart(runJson);
    NotReproduced.unlessSame("newest checkpoint: rounds", chain.head().round(), last.now().round());
    if (ended) {
      RunConfig config = checkSettings();
      checkRunJson(runJson, config, last);
      checkStatement(runJson, last.now());
      checkSummary(config, last.now());
    }
    lines.accept("settings, metrics and result agree with them");
    checkCanBeComputedAgain();
    long start = System.nanoTime();
    int computed = replayed(chosen);
    return new Verified(
        chain.head().round(),
        chosen.size(),
        computed,
        (System.nanoTime() - start) / NANOS,
        Safetensors.sha256(last.now().result()),
        chain.head().line().link());
  }

  /** The files of a run by another strategy agree with each other; that is all there is to hold. */
  private void checkCanBeComputedAgain() {
    for (Checkpoint.Restored restored : checkpoints.values()) {
      Strategy strategy = restored.config().training().strategy();
      if (strategy != Strategy.ROUNDS) {
        throw new NotReproduced(
            "its files agree with its hash chain, but rounds of training.strategy = "
                + strategy.text()
                + " cannot be computed again: their bits are not promised");
      }
    }
  }

  private void readCheckpoints() {
    Checkpoints files = run.checkpoints();
    for (int round : files.rounds()) {
      String at = "checkpoint of round " + round;
      Checkpoint.Restored restored;
      try {
        restored = files.read(round);
      } catch (UserError e) {
        throw new NotReproduced(at + ": " + e.getMessage());
      }
      Snapshot now = restored.now();
      OptionalInt position = chain.position(now.link());
      if (position.isEmpty()) {
        throw new NotReproduced(at + ": expected a link of the chain, found " + now.link());
      }
      Chain.Entry entry = chain.entries().get(position.getAsInt());
      NotReproduced.unlessSame(at + ": rounds", entry.round(), now.round());
      NotReproduced.unlessSame(at + ": rejected rounds", entry.rejected(), now.rejected());
      NotReproduced.unlessSame(
          at + ": parameters", entry.parameters(), Safetensors.sha256(now.parameters()));
      NotReproduced.unlessSame(
          at + ": settings", entry.settings(), ChainLine.settings(restored.config()));
      checkpoints.put(position.getAsInt(), restored);
    }
    if (checkpoints.isEmpty() || checkpoints.firstKey() != 0) {
      throw new NotReproduced("checkpoint of round 0: expected one, found none");
    }
  }

  /** The settings of config.conf are those of the chain and of the newest checkpoint. */
  private RunConfig checkSettings() {
    String text = run.text("config.conf").orElseThrow(() -> missing("config.conf"));
    RunConfig config;
    try {
      config = ConfigLoader.load(List.of(ConfigSource.stored("config.conf", text)), List.of());
    } catch (InvalidConfig e) {
      throw new NotReproduced(e.getMessage());
    }
    Checkpoint.Restored newest = checkpoints.lastEntry().getValue();
    for (String conflict : newest.config().exactnessConflicts(config)) {
      throw new NotReproduced("settings: " + conflict);
    }
    return config;
  }

  /** It begins with nothing but parameters, and unless they are from a file with the seed's. */
  private void checkStart(JsonNode json) {
    String digest = chain.entries().get(0).parameters();
    same("run.json: start", digest, json.path("start").path("parameters_sha256").asText());
    Checkpoint.Restored first = checkpoints.firstEntry().getValue();
    RunConfig config = first.config();
    float[] parameters =
        json.path("start").path("file").isTextual()
            ? first.now().parameters()
            : config.initializer().initialize(config.model(), config.seed());
    checkStartFile(json.path("start"), first);
    if (!TrainingState.initial(config, parameters).snapshot().sameBits(first.now())) {
      throw new NotReproduced(
          "checkpoint of round 0: expected what settings and seed begin with, found another state");
    }
  }

  /** A file that is gone, changed or not to be read says nothing about the run. */
  private void checkStartFile(JsonNode start, Checkpoint.Restored first) {
    if (!start.path("file").isTextual() || !start.path("file_sha256").isTextual()) {
      return;
    }
    String path = start.path("file").asText();
    byte[] bytes;
    try {
      bytes = run.startFile(path);
    } catch (UserError | Storage.Unreadable e) {
      lines.accept("start: " + e.getMessage() + "; its parameters are those of round 0");
      return;
    }
    if (!Safetensors.sha256(bytes).equals(start.path("file_sha256").asText())) {
      lines.accept("start: " + path + " is another file now; its parameters are those of round 0");
      return;
    }
    float[] parameters;
    try {
      parameters = StartFile.decode(path, bytes, first.config().model()).parameters();
    } catch (UserError e) {
      throw new NotReproduced("start: " + e.getMessage());
    }
    same(
        "start: parameters of " + path,
        Safetensors.sha256(parameters),
        Safetensors.sha256(first.now().parameters()));
    lines.accept("start: the parameters of " + path);
  }

  private void checkRunJson(JsonNode json, RunConfig config, Checkpoint.Restored last) {
    same("run.json: seed", config.seed(), json.path("seed").asLong());
    JsonNode result = json.path("result");
    Snapshot now = last.now();
    same("run.json: rounds", now.round(), result.path("rounds").asInt(-1));
    same("run.json: rejected_rounds", now.rejected(), result.path("rejected_rounds").asInt(-1));
    same(
        "run.json: parameters_sha256",
        Safetensors.sha256(now.result()),
        result.path("parameters_sha256").asText());
    same("run.json: chain", chain.head().line().link(), result.path("chain").asText());
    same(
        "run.json: checkpoint_sha256",
        Safetensors.sha256(run.checkpoints().bytes(now.round())),
        result.path("checkpoint_sha256").asText());
    for (String change : last.config().changes(config)) {
      throw new NotReproduced("settings: " + change);
    }
    for (Setting setting : config.settings()) {
      same(
          "run.json: " + setting.key(),
          setting.plainValue(),
          json.path("config").path(setting.key()).asText());
    }
    String digest = Safetensors.sha256(config.text().getBytes(StandardCharsets.UTF_8));
    same("run.json: config_sha256", digest, json.path("config_sha256").asText());
  }

  private static void same(String what, Object expected, Object found) {
    NotReproduced.unlessSame(what, expected, found);
  }

  private void checkStatement(JsonNode runJson, Snapshot now) {
    Optional<JsonNode> found = json(RunDirectory.STATEMENT);
    if (found.isEmpty()) {
      return;
    }
    JsonNode statement = found.get();
    String at = RunDirectory.STATEMENT + ": ";
    String file = run.checkpoints().path(now.round()).substring(run.path().length() + 1);
    same(at + "subject", file, statement.at("/subject/0/name").asText());
    same(
        at + "subject: sha256",
        Safetensors.sha256(run.checkpoints().bytes(now.round())),
        statement.at("/subject/0/digest/sha256").asText());
    JsonNode predicate = statement.path("predicate");
    same(
        at + "settings",
        runJson.path("config"),
        predicate.at("/buildDefinition/externalParameters/settings"));
    String text = run.text("run.json").orElseThrow(() -> missing("run.json"));
    same(
        at + "run.json",
        Safetensors.sha256(text.getBytes(StandardCharsets.UTF_8)),
        predicate.at("/runDetails/byproducts/0/digest/sha256").asText());
    same(
        at + "chain",
        chain.head().line().link(),
        predicate.at("/runDetails/byproducts/1/digest/sha256").asText());
  }

  private void checkSummary(RunConfig config, Snapshot now) {
    Optional<JsonNode> summary = json("summary.json");
    if (summary.isEmpty()) {
      return;
    }
    JsonNode json = summary.get();
    Evaluation evaluation = heldOut.apply(config, now.result());
    String at = "summary.json: ";
    same(
        at + "parameters_sha256",
        Safetensors.sha256(now.result()),
        json.path("parameters_sha256").asText());
    same(at + "rounds", now.round(), json.path("rounds").asInt(-1));
    same(at + "examples", now.examples(), json.path("examples").asLong(-1));
    sameFigure(at, json, "loss", evaluation.loss());
    sameFigure(at, json, "loss_floor", config.task().bayesLoss());
    sameFigure(at, json, "loss_above_floor", evaluation.lossAboveFloor());
    sameFigure(at, json, "recall_mse", evaluation.recallMse());
  }

  /** What is not finite is null there. */
  private static void sameFigure(String at, JsonNode json, String name, double expected) {
    double found = json.path(name).asDouble(Double.NaN);
    if (Double.isFinite(expected) || !json.path(name).isNull()) {
      same(at + name, expected, found);
    }
  }

  private Optional<JsonNode> json(String name) {
    return run.text(name)
        .map(
            text -> {
              try {
                return MAPPER.readTree(text);
              } catch (JsonProcessingException e) {
                throw new NotReproduced(name + ": expected JSON, found something else");
              }
            });
  }

  private static NotReproduced missing(String name) {
    return new NotReproduced(name + ": expected it, found none");
  }

  /** From the checkpoint before each chosen round; one that is on the way is not begun again. */
  /** Of Deeplearning4j's gradients a difference may be one of the machine. */
  private int replayed(SortedSet<Integer> chosen) throws IOException {
    try {
      return replay(chosen);
    } catch (NotReproduced e) {
      boolean theirs =
          checkpoints.values().stream()
              .anyMatch(it -> it.config().training().engine() == EngineKind.DL4J);
      if (!theirs) {
        throw e;
      }
      throw new NotReproduced(
          e.getMessage()
              + "; with training.engine = dl4j rounds have the same bits on machines of one kind"
              + " only, and this may be of another");
    }
  }

  private int replay(SortedSet<Integer> chosen) throws IOException {
    int computed = 0;
    int done = 0; // position
    Replay replay = null;
    for (int round : chosen) {
      int target = chain.position(round);
      int start = checkpoints.lowerKey(target);
      if (replay == null || start > done) {
        computed += replay == null ? 0 : replay.rounds();
        replay = new Replay(chain, metrics, checkpoints, start, threads);
      }
      replay.until(target);
      done = target;
    }
    return computed + (replay == null ? 0 : replay.rounds());
  }
}
