package dev.recall.job.store;

import dev.recall.job.config.UserError;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Reads what a run has left, and changes nothing. */
public final class RunReader {

  private final Storage storage;
  private final String path;

  /**
   * Opens a run.
   *
   * @param storage file systems
   * @param path the run directory
   * @throws UserError when it is none
   */
  public RunReader(Storage storage, String path) {
    this.storage = storage;
    this.path = path;
    RunDirectory.configText(storage, path);
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
   * Reads a text file.
   *
   * @param name below the run directory, for example {@code config.conf}
   * @return its text; nothing when there is no such file
   */
  public Optional<String> text(String name) {
    String file = path + "/" + name;
    return storage.exists(file) ? Optional.of(storage.readText(file)) : Optional.empty();
  }

  /**
   * Reads the lines of the hash chain.
   *
   * @return the lines of all files, in their order
   */
  public List<String> chain() {
    return lines(new Segments(storage, path + "/chain"));
  }

  /**
   * Reads the metrics.
   *
   * @return the lines of all files, in their order
   */
  public List<String> metrics() {
    return lines(new Segments(storage, path + "/metrics"));
  }

  private static List<String> lines(Segments segments) {
    List<String> lines = new ArrayList<>();
    segments.segments().forEach(segment -> lines.addAll(segments.lines(segment)));
    return lines;
  }

  /**
   * Reads the file that the run began with, if it is still there.
   *
   * @param file its path, as run.json has it
   * @return its bytes
   * @throws UserError when it cannot be read
   */
  public byte[] startFile(String file) {
    return storage.read(file);
  }

  /**
   * Returns the checkpoints.
   *
   * @return those that there are, whole or not
   */
  public Checkpoints checkpoints() {
    return new Checkpoints(storage, path + "/checkpoints");
  }
}
