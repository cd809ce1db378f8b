package dev.recall.job.store;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.recall.job.config.CheckpointConfig;
import dev.recall.job.config.RunConfig;
import dev.recall.job.config.UserError;
import dev.recall.job.train.ChainLine;
import dev.recall.job.train.Rejection;
import dev.recall.job.train.RoundReport;
import dev.recall.job.train.Snapshot;
import dev.recall.job.train.TrainingListener;
import dev.recall.job.train.TrainingState;
import dev.recall.model.format.Safetensors;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Collectors;

/**
 * The directory of a run:
 *
 * <pre>
 * config.conf                                effective configuration
 * run.json                                   who ran what, where and when, and the result
 * checkpoints/round-00000400.safetensors     states
 * metrics/rounds-00000391-00000400.jsonl     a line per round, a file per checkpoint
 * chain/rounds-00000391-00000400.jsonl       digests of each round, chained
 * provenance.intoto.json                     the result and its origin, once the run has ended
 * summary.json                               figures, after that
 * </pre>
 *
 * Lines of the rounds up to a checkpoint are written before it, so a run that goes on from a
 * checkpoint finds exactly the lines up to there, without gap or repetition: what a later round had
 * left is removed first.
 */
public final class RunDirectory implements TrainingListener, AutoCloseable {

  private static final List<String> BEFORE_CONFIG =
      List.of("checkpoints", "metrics", "chain", "run.json");

  /** Name of the in-toto statement. */
  public static final String STATEMENT = "provenance.intoto.json";

  private final Storage storage;
  private final String path;
  private final RunConfig config;
  private final Consumer<String> warnings;
  private final Checkpoints checkpoints;
  private final Segments metrics;
  private final Segments chain;
  private final Unsaved unsaved = new Unsaved();
  private final Saver saver;
  private String runJson = ""; // as this process wrote it last
  private String remark = "";
  private Saver.Save newSettings = () -> {}; // with the next checkpoint
  private boolean otherSettings; // than the checkpoint that it goes on from
  private boolean failedBefore; // lines may lie in files without a checkpoint
  private volatile Optional<Saved> lastCheckpoint = Optional.empty();

  private RunDirectory(Storage storage, String path, RunConfig config, Consumer<String> warnings) {
    this.storage = storage;
    this.path = path;
    this.config = config;
    this.warnings = warnings;
    this.checkpoints = new Checkpoints(storage, path + "/checkpoints");
    this.metrics = new Segments(storage, path + "/metrics");
    this.chain = new Segments(storage, path + "/chain");
    this.saver = new Saver(config.checkpoint().background());
  }

  /**
   * Finds a place for a new run; nothing is written yet.
   *
   * @param storage file systems
   * @param path must hold nothing, or what is left of an attempt that did not get to config.conf
   * @param config the run's
   * @param warnings receives lines for the user
   * @return the directory, to be begun with {@link #begin}
   * @throws UserError when there is something already
   */
  public static RunDirectory create(
      Storage storage, String path, RunConfig config, Consumer<String> warnings) {
    boolean free =
        !storage.exists(path)
            || (storage.isDirectory(path) && BEFORE_CONFIG.containsAll(storage.list(path)));
    if (!free) {
      throw new UserError(
          path
              + ": expected no run there yet, found one; go on with --resume "
              + path
              + ", or with --or-resume beside --run, or choose another --run");
    }
    storage.checkTarget(path + "/config.conf");
    return new RunDirectory(storage, path, config, warnings);
  }

  /**
   * Writes what a new run starts from: run.json and a checkpoint of round 0, then config.conf, by
   * which others know that a run is there.
   *
   * @param start the state before the first round
   * @param lines what config.conf says above the settings, without line ends; may be none
   * @param runJson text of run.json
   * @throws IOException when it cannot be written
   */
  public void begin(TrainingState start, List<String> lines, String runJson) throws IOException {
    remark = lines.stream().map(line -> "# " + line + "\n").collect(Collectors.joining());
    // First: from now on another process that begins here stops.
    putRunJson(runJson);
    checkpoints.cut(-1);
    for (Segments segments : List.of(metrics, chain)) {
      segments.cut(-1, old -> List.of());
      storage.makeDirectory(segments.directory());
    }
    storage.makeDirectory(checkpoints.directory());
    deleteUnfinished(); // of an attempt that did not get to config.conf
    unsaved.chain(ChainLine.begin(config, start.parameters()));
    save(start.snapshot(), start.back(), unsaved.lines());
    checkMine();
    writeConfig();
  }

  /**
   * Opens the directory of a run to go on with it.
   *
   * @param storage file systems
   * @param path the directory
   * @param config the run's, maybe with other limits
   * @param warnings receives lines for the user
   * @return the directory
   */
  public static RunDirectory open(
      Storage storage, String path, RunConfig config, Consumer<String> warnings) {
    return new RunDirectory(storage, path, config, warnings);
  }

  /**
   * Tells whether there is a run to go on with.
   *
   * @param storage file systems
   * @param path the directory
   * @return false also for what an attempt left that did not get to config.conf
   * @throws UserError when it cannot be told
   */
  public static boolean isThere(Storage storage, String path) {
    return storage.exists(path + "/config.conf");
  }

  /**
   * Reads a run's configuration.
   *
   * @param storage file systems
   * @param path the directory
   * @return the text of config.conf
   * @throws UserError when it is no run directory
   */
  public static String configText(Storage storage, String path) {
    if (!isThere(storage, path)) {
      throw new UserError(path + ": expected a run directory with config.conf, found none");
    }
    return storage.readText(path + "/config.conf");
  }

  /**
   * Removes what speaks of rounds after a state: lines, the result, and what a process that was
   * killed had not finished writing. Writes the configuration if its limits are others.
   *
   * @param found the checkpoint to go on from
   * @param changed the chain's line about settings that decide the bits, when they are others
   * @param runJson text of run.json
   * @throws IOException when something cannot be removed or written
   */
  public void goOn(Checkpoints.Found found, Optional<ChainLine> changed, String runJson)
      throws IOException {
    Snapshot state = found.restored().now();
    lastCheckpoint = Optional.of(saved(found.path(), found.bytes()));
    checkpoints.passOver(found.passedOver());
    // First: from now on another process that is still on the run writes nothing behind the cut.
    putRunJson(runJson);
    List<String> kept = cutLines(state);
    warnOfAnotherChain(state);
    storage.delete(path + "/summary.json");
    storage.delete(path + "/" + STATEMENT);
    deleteUnfinished();
    unsaved.begin(state.round(), kept);
    changed.ifPresent(unsaved::chain);
    String before = configText(storage, path);
    remark =
        before
            .lines()
            .takeWhile(line -> line.startsWith("#"))
            .map(line -> line + "\n")
            .collect(Collectors.joining());
    otherSettings = !found.restored().config().text().equals(config.text());
    newSettings = before.equals(remark + config.text()) ? () -> {} : this::writeConfig;
    if (changed.isEmpty()) {
      writeNewSettings();
    }
  }

  private void writeNewSettings() throws IOException {
    newSettings.run();
    newSettings = () -> {};
  }

  private void deleteUnfinished() throws IOException {
    for (String directory :
        List.of(path, checkpoints.directory(), metrics.directory(), chain.directory())) {
      storage.deleteUnfinished(directory);
    }
  }

  /** Lines of the chain that stay may stand in a file that goes: rejections after the round. */
  private List<String> cutLines(Snapshot state) throws IOException {
    metrics.cut(state.round(), lines -> upToRound(lines, state.round()));
    return chain.cut(state.round(), lines -> upToLink(lines, state.link()));
  }

  private static List<String> upToRound(List<String> lines, int round) {
    return lines.stream().filter(line -> MetricsLine.round(line) <= round).toList();
  }

  private static List<String> upToLink(List<String> lines, String link) {
    List<String> kept = new ArrayList<>();
    for (String line : lines) {
      kept.add(line);
      if (ChainLine.parse(line).link().equals(link)) {
        return kept;
      }
    }
    return List.of();
  }

  private void warnOfAnotherChain(Snapshot state) {
    List<Segments.Segment> segments = chain.segments();
    List<String> lines =
        segments.isEmpty() ? List.of() : chain.lines(segments.get(segments.size() - 1));
    String end = lines.isEmpty() ? "none" : ChainLine.parse(lines.get(lines.size() - 1)).link();
    if (!end.equals(state.link())) {
      warnings.accept(
          "%s: expected to end in link %s after round %d, found %s; recall verify will say so too"
              .formatted(chain.directory(), state.link(), state.round(), end));
    }
  }

  /**
   * Returns the directory.
   *
   * @return its path
   */
  public String path() {
    return path;
  }

  /**
   * Returns the newest whole checkpoint of this process or the one that it began with.
   *
   * @return nothing before the first
   */
  public Optional<String> lastCheckpoint() {
    return lastCheckpoint.map(saved -> path + "/" + saved.name());
  }

  /**
   * A file of the run.
   *
   * @param name its path below the run directory
   * @param sha256 digest of its bytes
   */
  public record Saved(String name, String sha256) {}

  private Saved saved(String file, byte[] bytes) {
    return new Saved(file.substring(path.length() + 1), Safetensors.sha256(bytes));
  }

  /**
   * Returns the checkpoint that holds the result.
   *
   * @return the newest one
   * @throws IllegalStateException before the first
   */
  public Saved result() {
    return lastCheckpoint.orElseThrow(() -> new IllegalStateException("no checkpoint yet"));
  }

  /**
   * Reads what is known of the run.
   *
   * @return text of run.json; empty when there is none
   */
  public String runJson() {
    return storage.exists(path + "/run.json") ? storage.readText(path + "/run.json") : "";
  }

  @Override
  public void roundDone(RoundReport report) throws IOException {
    saver.throwIfFailed();
    unsaved.metrics(report.round(), MetricsLine.of(report));
  }

  @Override
  public void chained(ChainLine line) {
    unsaved.chain(line);
  }

  /** Files of rounds that never were go, the checkpoints first: the lines belong to them. */
  @Override
  public void rejected(Rejection rejection, Snapshot target) throws IOException {
    if (rejection.skipped()) {
      return;
    }
    saver.await();
    if (unsaved.savedUpTo() > target.round()) {
      checkMine();
      checkpoints.cut(target.round());
      unsaved.begin(target.round(), cutLines(target));
      lastCheckpoint = newestLeft();
    } else {
      unsaved.cut(target.round(), target.link());
    }
  }

  private Optional<Saved> newestLeft() {
    List<Integer> rounds = checkpoints.rounds();
    if (rounds.isEmpty()) {
      return Optional.empty();
    }
    int newest = rounds.get(rounds.size() - 1);
    return Optional.of(saved(checkpoints.path(newest), checkpoints.bytes(newest)));
  }

  @Override
  public void checkpoint(TrainingState state) throws IOException {
    Snapshot now = state.snapshot();
    Snapshot back = state.back();
    saver.await();
    Unsaved.Lines lines = unsaved.lines();
    saver.run(() -> saveOrWarn(now, back, lines));
  }

  private void saveOrWarn(Snapshot now, Snapshot back, Unsaved.Lines lines) throws IOException {
    try {
      checkMine();
      save(now, back, lines);
    } catch (TakenOver e) {
      throw e;
    } catch (IOException | UserError | Storage.Unreadable e) {
      checkMineAfter(e);
      if (config.checkpoint().onFailure() == CheckpointConfig.OnFailure.STOP) {
        throw e instanceof IOException failed ? failed : new IOException(e.getMessage());
      }
      failedBefore = true;
      warnings.accept(
          "saving after round %d failed, training goes on: %s"
              .formatted(now.round(), e.getMessage()));
    }
  }

  private void save(Snapshot now, Snapshot back, Unsaved.Lines lines) throws IOException {
    if (failedBefore) {
      checkpoints.cut(lines.first() - 1); // first: the lines belong to them
      for (Segments segments : List.of(metrics, chain)) {
        segments.cut(lines.first() - 1, written -> List.of());
      }
    }
    metrics.write(lines.first(), now.round(), lines.metrics());
    chain.write(lines.first(), now.round(), lines.chain());
    byte[] bytes = Checkpoint.encode(config, now, back);
    String file = checkpoints.write(now.round(), bytes);
    lastCheckpoint = Optional.of(saved(file, bytes));
    unsaved.saved(lines, now.round());
    failedBefore = false;
    otherSettings = false;
    writeNewSettings();
    checkpoints.keep(now.round(), back.round(), config.checkpoint());
  }

  /**
   * Waits until everything is written.
   *
   * @param state at the end
   * @throws IOException when the checkpoint of its round is not
   */
  public void finish(TrainingState state) throws IOException {
    saver.await();
    int round = state.round();
    if (unsaved.savedUpTo() != round) {
      throw new IOException(
          path + ": expected a checkpoint of round " + round + " at the end, it was not written");
    }
    if (!unsaved.lines().chain().isEmpty()) {
      throw new IOException(
          path
              + ": expected rounds to do with the changed settings, none was left; they are not"
              + " in the run");
    }
    if (otherSettings) { // no round was left to do
      checkMine();
      save(state.snapshot(), state.back(), unsaved.lines());
    }
  }

  /**
   * Returns what the run began with.
   *
   * @param otherwise when its checkpoint is not whole
   * @return the state before the first round
   */
  public Snapshot start(Snapshot otherwise) {
    try {
      return checkpoints.read(0).now();
    } catch (UserError e) {
      return otherwise;
    }
  }

  /** Waits until a save that runs has come to its end, whatever it is, and frees its thread. */
  @Override
  public void close() {
    saver.close();
  }

  /**
   * Writes the result beside the run.
   *
   * @param runJson text of run.json
   * @param statement text of provenance.intoto.json
   * @param summary text of summary.json
   * @throws IOException when it cannot be written
   */
  public void writeResult(String runJson, String statement, String summary) throws IOException {
    checkMine();
    putRunJson(runJson);
    put(STATEMENT, statement);
    put("summary.json", summary);
  }

  private void putRunJson(String text) throws IOException {
    put("run.json", text);
    runJson = text;
  }

  /**
   * Of two processes on one directory the one that came last has it: the other may be what a
   * cluster has given up, with nobody there to end it.
   */
  private void checkMine() throws TakenOver {
    String found = runJson();
    if (!found.isEmpty() && !found.equals(runJson)) {
      throw new TakenOver(
          path
              + ": expected run.json as this process wrote it, found that of "
              + lastProcess(found)
              + ", which goes on with the run; this one stops");
    }
  }

  /** Whoever took the run over removes what was not finished. */
  private void checkMineAfter(Exception failure) throws TakenOver {
    try {
      checkMine();
    } catch (UserError | Storage.Unreadable e) {
      failure.addSuppressed(e); // it cannot be told
    }
  }

  private static String lastProcess(String runJson) {
    try {
      JsonNode processes = new ObjectMapper().readTree(runJson).path("processes");
      JsonNode last = processes.path(processes.size() - 1);
      return "a process on %s, started %s"
          .formatted(last.path("host").asText("?"), last.path("started").asText("?"));
    } catch (JsonProcessingException e) {
      return "a process that left no name";
    }
  }

  /** Another process goes on with the run. */
  private static final class TakenOver extends IOException {
    private static final long serialVersionUID = 1L;

    TakenOver(String message) {
      super(message);
    }
  }

  private void writeConfig() throws IOException {
    put("config.conf", remark + config.text());
  }

  private void put(String name, String text) throws IOException {
    storage.write(path + "/" + name, text.getBytes(StandardCharsets.UTF_8));
  }
}
