package dev.recall.job.store;

import dev.recall.job.config.RunConfig;
import dev.recall.job.config.UserError;
import dev.recall.job.train.RoundReport;
import dev.recall.job.train.TrainingListener;
import dev.recall.job.train.TrainingState;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * The directory of a run:
 *
 * <pre>
 * config.conf                                effective configuration
 * checkpoints/round-00000400.safetensors     the newest few
 * metrics/rounds-00000351-00000400.jsonl     a line per round, a file per checkpoint
 * summary.json                               the result, once the run has ended
 * </pre>
 *
 * Metrics of the rounds up to a checkpoint are written before it, so a run that goes on from a
 * checkpoint finds exactly the lines up to there, without gap or repetition: what a later round had
 * left is removed first.
 */
public final class RunDirectory implements TrainingListener {

  private static final Pattern CHECKPOINT = Pattern.compile("round-(\\d{1,9})\\.safetensors");
  private static final Pattern METRICS = Pattern.compile("rounds-(\\d{1,9})-(\\d{1,9})\\.jsonl");

  private final Storage storage;
  private final String path;
  private final RunConfig config;
  private final StringBuilder pending = new StringBuilder();
  private int pendingFrom;
  private String remark = "";
  private Optional<String> lastCheckpoint = Optional.empty();

  private RunDirectory(Storage storage, String path, RunConfig config) {
    this.storage = storage;
    this.path = path;
    this.config = config;
  }

  /**
   * Finds a place for a new run; nothing is written yet.
   *
   * @param storage file systems
   * @param path must hold nothing, or what is left of an attempt that did not get to config.conf
   * @param config the run's
   * @return the directory, to be begun with {@link #begin}
   * @throws UserError when there is something already
   */
  public static RunDirectory create(Storage storage, String path, RunConfig config) {
    boolean free =
        !storage.exists(path)
            || (storage.isDirectory(path)
                && List.of("checkpoints", "metrics").containsAll(storage.list(path)));
    if (!free) {
      throw new UserError(
          path
              + ": expected no run there yet, found one; go on with --resume "
              + path
              + " or choose another --run");
    }
    storage.checkTarget(path + "/config.conf");
    return new RunDirectory(storage, path, config);
  }

  /**
   * Writes what a new run starts from: a checkpoint of round 0, then config.conf, by which others
   * know that a run is there.
   *
   * @param start the state before the first round
   * @param lines what config.conf says above the settings, without line ends; may be none
   * @throws IOException when it cannot be written
   */
  public void begin(TrainingState start, List<String> lines) throws IOException {
    remark = lines.stream().map(line -> "# " + line + "\n").collect(Collectors.joining());
    storage.makeDirectory(path + "/checkpoints");
    storage.makeDirectory(path + "/metrics");
    deleteUnfinished(); // of an attempt that did not get to config.conf
    checkpoint(start);
    writeConfig();
  }

  /**
   * Opens the directory of a run to go on with it.
   *
   * @param storage file systems
   * @param path the directory
   * @param config the run's, maybe with other limits
   * @return the directory
   */
  public static RunDirectory open(Storage storage, String path, RunConfig config) {
    return new RunDirectory(storage, path, config);
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
    if (!storage.exists(path + "/config.conf")) {
      throw new UserError(path + ": expected a run directory with config.conf, found none");
    }
    return storage.readText(path + "/config.conf");
  }

  /**
   * Finds the newest checkpoint of a run.
   *
   * @param storage file systems
   * @param path the run directory
   * @return its path, or nothing before the first
   */
  public static Optional<String> newestCheckpoint(Storage storage, String path) {
    List<String> checkpoints = checkpoints(storage, path);
    return checkpoints.isEmpty()
        ? Optional.empty()
        : Optional.of(path + "/checkpoints/" + checkpoints.get(checkpoints.size() - 1));
  }

  private static List<String> checkpoints(Storage storage, String path) {
    List<String> names = storage.list(path + "/checkpoints");
    names.removeIf(name -> !CHECKPOINT.matcher(name).matches());
    names.sort(Comparator.comparingInt(RunDirectory::round));
    return names;
  }

  private static int round(String checkpoint) {
    Matcher matcher = CHECKPOINT.matcher(checkpoint);
    return matcher.matches() ? Integer.parseInt(matcher.group(1)) : -1;
  }

  /**
   * Reads the newest checkpoint; nothing is changed.
   *
   * @return the state, to go on from with {@link #goOn}
   * @throws UserError when there is no checkpoint, or it is not whole or of another model
   */
  public TrainingState restore() {
    String newest =
        newestCheckpoint(storage, path)
            .orElseThrow(
                () -> new UserError(path + "/checkpoints: expected a checkpoint, found none"));
    TrainingState state = Checkpoint.decode(newest, storage.read(newest), config);
    lastCheckpoint = Optional.of(newest);
    return state;
  }

  /**
   * Removes what speaks of rounds after a state: metrics, the result, and what a process that was
   * killed had not finished writing. Writes the configuration if its limits are others.
   *
   * @param state what {@link #restore} returned
   * @throws IOException when something cannot be removed or written
   */
  public void goOn(TrainingState state) throws IOException {
    for (String name : storage.list(path + "/metrics")) {
      Matcher matcher = METRICS.matcher(name);
      if (matcher.matches() && Integer.parseInt(matcher.group(2)) > state.round()) {
        storage.delete(path + "/metrics/" + name);
      }
    }
    storage.delete(path + "/summary.json");
    deleteUnfinished();
    String before = configText(storage, path);
    remark =
        before
            .lines()
            .takeWhile(line -> line.startsWith("#"))
            .map(line -> line + "\n")
            .collect(Collectors.joining());
    if (!before.equals(remark + config.text())) {
      writeConfig();
    }
  }

  private void deleteUnfinished() throws IOException {
    for (String directory : List.of(path, path + "/checkpoints", path + "/metrics")) {
      storage.deleteUnfinished(directory);
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
    return lastCheckpoint;
  }

  @Override
  public void roundDone(RoundReport report) {
    if (pending.length() == 0) {
      pendingFrom = report.round();
    }
    pending.append(MetricsLine.of(report)).append('\n');
  }

  @Override
  public void checkpoint(TrainingState state) throws IOException {
    if (pending.length() > 0) {
      storage.write(
          String.format(
              Locale.ROOT, "%s/metrics/rounds-%08d-%08d.jsonl", path, pendingFrom, state.round()),
          pending.toString().getBytes(StandardCharsets.UTF_8));
      pending.setLength(0);
    }
    String file =
        String.format(Locale.ROOT, "%s/checkpoints/round-%08d.safetensors", path, state.round());
    storage.write(file, Checkpoint.encode(config, state));
    lastCheckpoint = Optional.of(file);
    List<String> names = checkpoints(storage, path);
    for (String old : names.subList(0, Math.max(0, names.size() - config.checkpoint().keep()))) {
      storage.delete(path + "/checkpoints/" + old);
    }
  }

  /**
   * Writes the result beside the run.
   *
   * @param json the summary
   * @throws IOException when it cannot be written
   */
  public void writeSummary(String json) throws IOException {
    storage.write(path + "/summary.json", json.getBytes(StandardCharsets.UTF_8));
  }

  private void writeConfig() throws IOException {
    storage.write(path + "/config.conf", (remark + config.text()).getBytes(StandardCharsets.UTF_8));
  }
}
