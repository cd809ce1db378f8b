package dev.recall.job.store.crash;

import dev.recall.job.ClassArchive;
import dev.recall.job.ClassPaths;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;

/**
 * Recall in JVMs that begin fast: the first writes an archive of classes that the others map. Log
 * messages go nowhere.
 */
final class ChildJvms implements AutoCloseable {

  private static final int SECONDS = 90;

  /** Beginning to log takes longer than training. */
  private static final String NOT_NEEDED = "log4j-slf4j2-impl";

  private final Path folder;
  private final Path archive; // null for none
  private final String classPath;
  private final Queue<Process> started = new ConcurrentLinkedQueue<>();

  private ChildJvms(Path folder, boolean many) {
    this.folder = folder;
    archive = many ? folder.resolve("classes.jsa") : null;
    List<String> entries =
        ClassPaths.forTraining().stream().filter(entry -> !entry.contains(NOT_NEEDED)).toList();
    classPath = many ? ClassArchive.classPath(entries) : String.join(File.pathSeparator, entries);
  }

  /** So many that an archive of classes pays. */
  static ChildJvms many(Path folder) {
    return new ChildJvms(folder, true);
  }

  static ChildJvms few(Path folder) {
    return new ChildJvms(folder, false);
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
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(
        List.of("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-XX:-UsePerfData", "-Xmx256m"));
    command.addAll(List.of("-Xshare:auto", "-Xlog:disable", "-Xlog:all=error:stderr"));
    if (archive != null) {
      boolean there = Files.exists(archive);
      command.add("-XX:" + (there ? "SharedArchiveFile=" : "ArchiveClassesAtExit=") + archive);
    }
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
