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
import java.util.stream.IntStream;
import org.apache.commons.io.FileUtils;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;

/**
 * Recall in JVMs of their own. What they say goes into one file. A test that registers it gets a
 * folder for each method; what still runs at the end is killed.
 */
public final class Processes implements AutoCloseable, BeforeEachCallback, AfterEachCallback {

  /** By which Spark runs in the process itself. */
  public static final List<String> SPARK =
      List.of(
          "-Dspark.master=local[2]",
          "-Dspark.ui.enabled=false",
          "-Dspark.driver.host=127.0.0.1",
          "-Dspark.serializer=org.apache.spark.serializer.KryoSerializer");

  /** Short runs are over before a second compiler pays. */
  static final List<String> CHEAP =
      List.of("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx512m");

  private static final int SECONDS = 60;

  private final List<Process> started = new ArrayList<>();
  private Path folder;

  /** To be registered as an extension. */
  public Processes() {}

  /** In a folder of somebody else's. */
  public Processes(Path folder) {
    this.folder = folder;
  }

  @Override
  public void beforeEach(ExtensionContext context) throws IOException {
    folder = Files.createTempDirectory("recall-processes");
  }

  @Override
  public void afterEach(ExtensionContext context) throws IOException {
    close();
    FileUtils.deleteDirectory(folder.toFile());
  }

  /** Where logs and temporary files are; there is room for others. */
  public Path folder() {
    return folder;
  }

  /** A run directory. */
  public Path run() {
    return folder.resolve("run");
  }

  /** The command that goes on with the run. */
  public List<String> resume(String... options) {
    List<String> args = new ArrayList<>(List.of("train", "--resume", run().toString()));
    args.addAll(List.of(options));
    return args;
  }

  /** The newest checkpoint of the run is whole. */
  public void assertEvaluates() {
    assertThat(Commands.recall("evaluate", run().toString()).exitCode()).isZero();
  }

  /** The run has the result of another, and a line for each of its rounds. */
  public void assertEndedAs(Path whole, int rounds) {
    for (String figure : List.of("parameters_sha256", "loss", "recall_mse", "rounds", "examples")) {
      assertThat(RunFiles.json(run().resolve("summary.json")).get(figure))
          .as(figure)
          .isEqualTo(RunFiles.json(whole.resolve("summary.json")).get(figure));
    }
    assertThat(RunFiles.metricsRounds(run()))
        .isEqualTo(IntStream.rangeClosed(1, rounds).boxed().toList());
  }

  /** Starts a command; the words of {@code before} stand before that of the JVM. */
  public Process start(List<String> before, List<String> jvmOptions, List<String> args)
      throws IOException {
    List<String> command = new ArrayList<>(before);
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(CHEAP);
    command.addAll(opensToSpark());
    command.addAll(ClassPaths.archived().options());
    // What killed processes leave there goes with the folder.
    command.add("-Djava.io.tmpdir=" + folder);
    command.addAll(jvmOptions);
    command.addAll(List.of("-cp", ClassPaths.archived().classPath(), "dev.recall.job.Main"));
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

  /**
   * The options by which this JVM was opened to Spark; the Vector API is of no use without the
   * second compiler.
   */
  static List<String> opensToSpark() {
    return ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
        .filter(option -> option.startsWith("--add-opens"))
        .toList();
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

  /** Waits for the end, which is to have this exit code. */
  public void assertEnds(Process process, int exitCode) throws InterruptedException {
    assertThat(end(process)).as(log()).isEqualTo(exitCode);
  }

  /** Sends a signal, such as TERM. */
  public static void signal(String name, Process process) throws IOException, InterruptedException {
    List<String> kill = List.of("kill", "-s", name, String.valueOf(process.pid()));
    assertThat(new ProcessBuilder(kill).inheritIO().start().waitFor()).isZero();
  }

  @Override
  public void close() {
    started.forEach(Process::destroyForcibly);
    started.forEach(process -> process.onExit().join());
  }
}
