package dev.recall.job.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import dev.recall.job.RunFiles;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;

/** Where a secret is to be seen. */
final class Secrets {

  private Secrets() {}

  /**
   * Writes a properties file that only its owner can read.
   *
   * @param more lines behind those of the cluster's file
   */
  static Path properties(DaemonCluster cluster, Path file, String... more) throws IOException {
    List<String> lines =
        new ArrayList<>(Files.readAllLines(cluster.folder().resolve("conf/spark.properties")));
    lines.addAll(List.of(more));
    Files.createFile(
        file, PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------")));
    return Files.write(file, lines);
  }

  /** The value of a setting in a properties file. */
  static String value(Path properties, String key) {
    return RunFiles.text(properties)
        .lines()
        .filter(line -> line.startsWith(key + " "))
        .map(line -> line.substring(key.length()).strip())
        .findFirst()
        .orElseThrow();
  }

  /** Command lines of the cluster's processes that have one of the secrets. */
  static Set<String> commandLines(DaemonCluster cluster, List<String> secrets) {
    Set<String> found = new TreeSet<>();
    for (ProcessHandle process : cluster.processes()) {
      String line = DaemonCluster.commandLine(process);
      for (String secret : secrets) {
        if (line.contains(secret)) {
          found.add(line);
        }
      }
    }
    return found;
  }

  /** Files below a folder that hold one of the secrets, as they are on the disk. */
  static Set<String> files(Path folder, List<String> secrets) throws IOException {
    Set<String> found = new TreeSet<>();
    List<Path> files;
    try (Stream<Path> paths = Files.walk(folder)) {
      files = paths.filter(Files::isRegularFile).toList();
    } catch (UncheckedIOException e) {
      throw new AssertionError("files went meanwhile", e);
    }
    assertThat(files).isNotEmpty();
    for (Path file : files) {
      String text = text(file);
      if (secrets.stream().anyMatch(text::contains)) {
        found.add(folder.relativize(file).toString());
      }
    }
    return found;
  }

  /** Empty when it is gone meanwhile. */
  private static String text(Path file) throws IOException {
    try {
      return new String(Files.readAllBytes(file), StandardCharsets.ISO_8859_1);
    } catch (NoSuchFileException e) {
      return "";
    }
  }
}
