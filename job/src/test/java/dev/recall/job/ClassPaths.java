package dev.recall.job;

import dev.recall.job.config.Configs;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.commons.io.FileUtils;

/** What JVMs of tests have on their class path: each jar costs every one of them time. */
public final class ClassPaths {

  /** Beginnings of names of jars that only tests use, or only commands on tables and networks. */
  private static final List<String> OF_FEW =
      List.of(
          "spark-sql",
          "spark-catalyst",
          "spark-mllib",
          "spark-graphx",
          "spark-streaming",
          "parquet-",
          "orc-",
          "hive-",
          "arrow-",
          "breeze",
          "spire",
          "cats-",
          "algebra",
          "arpack",
          "lapack",
          "blas",
          "JTransforms",
          "janino",
          "commons-compiler",
          "univocity",
          "aircompressor",
          "dl4j-",
          "deeplearning4j-",
          "nd4j-",
          "javacpp",
          "openblas",
          "datavec-",
          "onnxruntime",
          "jazzer",
          "archunit",
          "sigstore",
          // Reading the names in a jar of 36 MB takes longer than training.
          "hadoop-client-minicluster");

  private ClassPaths() {}

  /** Enough for training and for what is about runs and models, with Spark and without. */
  public static List<String> forTraining() {
    return Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
        .filter(entry -> !entry.isEmpty() && OF_FEW.stream().noneMatch(name(entry)::startsWith))
        .toList();
  }

  /**
   * A class path of jars only, and the options by which a JVM that has it maps their classes. They
   * were written by a JVM that trained on Spark.
   */
  public record Archived(String classPath, List<String> options) {}

  /** {@link #forTraining} with an archive of classes. */
  public static Archived archived() {
    return OfTraining.ARCHIVED;
  }

  private static final class OfTraining {
    private static final Archived ARCHIVED = archive();

    private static Archived archive() {
      List<String> entries = forTraining();
      String classPath = ClassArchive.classPath(entries);
      try {
        return new Archived(
            classPath,
            ClassArchive.options(
                "training",
                entries.stream().map(Path::of).toList(),
                file -> write(classPath, file)));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    private static void write(String classPath, Path file)
        throws IOException, InterruptedException {
      Path folder = Files.createTempDirectory("recall-class-archive");
      try {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(Processes.CHEAP);
        command.addAll(Processes.opensToSpark());
        command.addAll(Processes.SPARK);
        command.addAll(List.of("-XX:ArchiveClassesAtExit=" + file, "-Djava.io.tmpdir=" + folder));
        command.addAll(List.of("-cp", classPath, "dev.recall.job.Main"));
        command.addAll(
            Commands.with(Configs.smallWith(), "train", "--run", folder.resolve("run").toString()));
        ClassArchive.run(new ProcessBuilder(command), folder.resolve("log"));
      } finally {
        FileUtils.deleteDirectory(folder.toFile());
      }
    }
  }

  private static String name(String entry) {
    return String.valueOf(Path.of(entry).getFileName());
  }
}
