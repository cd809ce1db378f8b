package dev.recall.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.File;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;

/** Recall in JVMs of their own. What they say goes into one file. */
public final class Processes implements AutoCloseable {

  /** By which Spark runs in the process itself. */
  public static final List<String> SPARK =
      List.of(
          "-Dspark.master=local[2]",
          "-Dspark.ui.enabled=false",
          "-Dspark.driver.host=127.0.0.1",
          "-Dspark.serializer=org.apache.spark.serializer.KryoSerializer");

  private static final int SECONDS = 60;

  private final Path folder;
  private final List<Process> started = new ArrayList<>();

  public Processes(Path folder) {
    this.folder = folder;
  }

  /** Starts a command; the words of {@code before} stand before that of the JVM. */
  public Process start(List<String> before, List<String> jvmOptions, List<String> args)
      throws IOException {
    List<String> command = new ArrayList<>(before);
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx512m"));
    // The options by which this JVM was opened to Spark; the Vector API is of no use without the
    // second compiler.
    ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
        .filter(option -> option.startsWith("--add-opens"))
        .forEach(command::add);
    // What killed processes leave there goes with the folder.
    command.add("-Djava.io.tmpdir=" + folder);
    command.addAll(jvmOptions);
    String classPath = String.join(File.pathSeparator, ClassPaths.forTraining());
    command.addAll(List.of("-cp", classPath, "dev.recall.job.Main"));
    command.addAll(args);
    File log = folder.resolve("log").toFile();
    Process process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(log))
            .start();
    started.add(process);
    return process;
  }

  public Process start(List<String> jvmOptions, List<String> args) throws IOException {
    return start(List.of(), jvmOptions, args);
  }

  /** Everything that they have said. */
  public String log() {
    Path log = folder.resolve("log");
    return Files.exists(log) ? RunFiles.text(log) : "";
  }

  /** Waits until one has said something. */
  public void awaitLine(Process process, String pattern) {
    Pattern line = Pattern.compile(pattern, Pattern.MULTILINE);
    await(pattern)
        .atMost(Duration.ofSeconds(SECONDS))
        .pollDelay(Duration.ZERO)
        .pollInterval(Duration.ofMillis(5))
        .until(() -> line.matcher(log()).find() || !process.isAlive());
    assertThat(log()).containsPattern(line);
  }

  /** Waits for the end; returns the exit code. */
  public int end(Process process) throws InterruptedException {
    assertThat(process.waitFor(SECONDS, TimeUnit.SECONDS)).as("ends: %s", log()).isTrue();
    return process.exitValue();
  }

  @Override
  public void close() {
    started.forEach(Process::destroyForcibly);
  }
}
