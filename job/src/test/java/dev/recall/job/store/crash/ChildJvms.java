package dev.recall.job.store.crash;

import static org.assertj.core.api.Assertions.assertThat;

import dev.recall.job.ClassArchive;
import dev.recall.job.ClassPaths;
import dev.recall.job.Commands;
import dev.recall.job.config.Configs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;

/** Recall in JVMs that begin fast, by an archive of classes. Log messages go nowhere. */
final class ChildJvms implements AutoCloseable {

  private static final int SECONDS = 90;

  /** Beginning to log takes longer than training. */
  private static final String NOT_NEEDED = "log4j-slf4j2-impl";

  private final Path folder;
  private final String classPath;
  private final List<String> archive;
  private final Queue<Process> started = new ConcurrentLinkedQueue<>();

  /** JVMs that begin with the classes that a run at this place has loaded. */
  ChildJvms(Place place, Path folder) throws IOException {
    this.folder = folder;
    List<String> entries =
        ClassPaths.forTraining().stream().filter(entry -> !entry.contains(NOT_NEEDED)).toList();
    classPath = ClassArchive.classPath(entries);
    archive =
        ClassArchive.options(
            "training-" + place.name(),
            entries.stream().map(Path::of).toList(),
            file -> {
              List<String> train =
                  Commands.with(
                      Configs.smallWith("stop.rounds=2"),
                      "train",
                      "--without-spark",
                      "--run",
                      place.uri() + "/archived");
              Ended ended =
                  run(
                      command(
                          place.killing(Map.of(KillSwitch.LOG, file + ".txt")),
                          List.of("-XX:ArchiveClassesAtExit=" + file),
                          train));
              assertThat(ended.exitCode()).as(ended.log()).isZero();
            });
  }

  /** What a process left behind: its exit code and what it said. */
  record Ended(int exitCode, String log) {}

  /** Runs Recall to its end. */
  Ended recall(Map<String, String> hadoop, List<String> args)
      throws IOException, InterruptedException {
    return run(command(hadoop, args));
  }

  /** The command that runs Recall. */
  List<String> command(Map<String, String> hadoop, List<String> args) {
    return command(hadoop, archive, args);
  }

  private List<String> command(
      Map<String, String> hadoop, List<String> ofArchive, List<String> args) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(
        List.of("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:-UsePerfData", "-Xmx256m"));
    command.addAll(ofArchive);
    hadoop.forEach((key, value) -> command.add("-Dspark.hadoop." + key + "=" + value));
    command.add("-Djava.io.tmpdir=" + folder);
    command.addAll(List.of("-cp", classPath, "dev.recall.job.Main"));
    command.addAll(args);
    return command;
  }

  /** Runs a command to its end. */
  Ended run(List<String> command) throws IOException, InterruptedException {
    Path log = Files.createTempFile(folder, "child", ".log");
    Process process =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile()).start();
    started.add(process);
    if (!process.waitFor(SECONDS, TimeUnit.SECONDS)) {
      process.destroyForcibly();
      throw new IllegalStateException("no end after " + SECONDS + " s: " + Files.readString(log));
    }
    started.remove(process);
    return new Ended(process.exitValue(), Files.readString(log));
  }

  @Override
  public void close() {
    started.forEach(Process::destroyForcibly);
  }
}
