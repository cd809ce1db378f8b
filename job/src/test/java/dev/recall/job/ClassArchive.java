package dev.recall.job;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.spi.ToolProvider;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.commons.io.FileUtils;

/**
 * By which JVMs of tests begin in two thirds of the time: an archive of classes that one JVM writes
 * and the others map. The first test that wants it makes it, below {@code target}, anew when
 * classes have changed. A JVM that it does not fit goes without.
 */
public final class ClassArchive {

  private static final Path FOLDER = Path.of("target/class-archives").toAbsolutePath();
  private static final int SECONDS = 120;

  private ClassArchive() {}

  /** Makes a file. */
  public interface Making {
    void make(Path file) throws IOException, InterruptedException;
  }

  /**
   * The options of a JVM that maps the archive.
   *
   * @param name of the archive
   * @param sources other ones, or of another age: another archive
   * @param making runs a JVM with {@code -XX:ArchiveClassesAtExit} to its end
   */
  public static List<String> options(String name, List<Path> sources, Making making)
      throws IOException {
    Path archive = made(name, sources, ".jsa", making);
    return List.of(
        "-XX:SharedArchiveFile=" + archive,
        "-Xshare:auto",
        "-Xlog:disable",
        "-Xlog:all=error:stderr");
  }

  /** A jar of a folder of classes: the JDK archives the classes of jars only. */
  public static Path jar(Path classes) throws IOException {
    return jar(classes, ".");
  }

  /** A jar of a part of a folder of classes. */
  public static Path jar(Path classes, String entry) throws IOException {
    String name = classes.getParent().getParent().getFileName() + "-" + classes.getFileName();
    return made(
        entry.equals(".") ? name : name + "-" + Path.of(entry).getFileName(),
        List.of(classes.resolve(entry)),
        ".jar",
        jar -> jar(classes, entry, jar));
  }

  private static void jar(Path classes, String entry, Path jar) {
    String[] command = {
      "--create", "--no-compress", "--file=" + jar, "-C", classes.toString(), entry
    };
    int code = ToolProvider.findFirst("jar").orElseThrow().run(System.out, System.err, command);
    if (code != 0) {
      throw new IllegalStateException("jar ended with " + code);
    }
  }

  /** A class path of jars only. */
  public static String classPath(List<String> entries) {
    return entries.stream()
        .map(ClassArchive::asJar)
        .collect(Collectors.joining(File.pathSeparator));
  }

  private static String asJar(String entry) {
    try {
      return Files.isDirectory(Path.of(entry)) ? jar(Path.of(entry)).toString() : entry;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Runs a command to its end, which is to be a good one. */
  public static void run(ProcessBuilder command, Path log)
      throws IOException, InterruptedException {
    Process process = command.redirectErrorStream(true).redirectOutput(log.toFile()).start();
    try {
      if (!process.waitFor(SECONDS, TimeUnit.SECONDS) || process.exitValue() != 0) {
        throw new IllegalStateException(command.command() + ": " + Files.readString(log));
      }
    } finally {
      process.destroyForcibly();
    }
  }

  /** Test JVMs side by side ask for the same file: one makes it. */
  private static synchronized Path made(
      String name, List<Path> sources, String suffix, Making making) throws IOException {
    Path folder = Files.createDirectories(FOLDER.resolve(name));
    Path file = folder.resolve(Long.toHexString(key(sources)) + suffix);
    if (Files.exists(file)) {
      return file;
    }
    try (FileChannel lock =
        FileChannel.open(
            FOLDER.resolve(name + ".lock"), StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
      lock.lock(); // until it is closed
      if (!Files.exists(file)) {
        FileUtils.cleanDirectory(folder.toFile());
        Path unfinished = folder.resolve("unfinished" + suffix);
        making.make(unfinished);
        Files.move(unfinished, file, StandardCopyOption.ATOMIC_MOVE);
      }
      return file;
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static long key(List<Path> sources) throws IOException {
    long key = Runtime.version().hashCode();
    for (Path source : sources) {
      try (Stream<Path> files = Files.walk(source)) {
        for (Path file : files.filter(Files::isRegularFile).sorted().toList()) {
          key = 31 * key + file.hashCode();
          key = 31 * key + Files.getLastModifiedTime(file).toMillis();
        }
      }
    }
    return key;
  }
}
