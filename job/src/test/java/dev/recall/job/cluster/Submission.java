package dev.recall.job.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.recall.job.RunFiles;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;

/** A run of {@code deploy/bin/recall}, and what it says. */
final class Submission implements AutoCloseable {

  private static final int SECONDS = 300;

  private final Process process;
  private final Path log;

  Submission(Process process, Path log) {
    this.process = process;
    this.log = log;
  }

  /** Options of spark-submit for settings, {@code key=value}. */
  static List<String> conf(String... settings) {
    List<String> options = new ArrayList<>();
    for (String setting : settings) {
      options.addAll(List.of("--conf", setting));
    }
    return options;
  }

  /** The JVM, which takes the place of the script: client-mode driver, or client of the driver. */
  Process process() {
    return process;
  }

  boolean is(ProcessHandle other) {
    return process.pid() == other.pid();
  }

  /** All that it has said. */
  String log() {
    return RunFiles.text(log);
  }

  /** Waits until it has said something. */
  void awaitLine(String pattern) {
    Pattern line = Pattern.compile(pattern, Pattern.MULTILINE);
    await(pattern)
        .atMost(Duration.ofSeconds(SECONDS))
        .until(() -> line.matcher(log()).find() || !process.isAlive());
    assertThat(log()).containsPattern(line);
  }

  /** Waits for the end; returns the exit code. */
  int end() throws InterruptedException {
    assertThat(process.waitFor(SECONDS, TimeUnit.SECONDS)).as("ends: %s", log()).isTrue();
    return process.exitValue();
  }

  /** Kills it when it runs. */
  @Override
  public void close() {
    process.destroyForcibly().onExit().join();
  }
}
