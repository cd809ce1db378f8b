package dev.recall.job;

import java.io.File;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

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
          "sigstore");

  private ClassPaths() {}

  /** Enough for training and for what is about runs and models, with Spark and without. */
  public static List<String> forTraining() {
    return Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
        .filter(entry -> !entry.isEmpty() && OF_FEW.stream().noneMatch(name(entry)::startsWith))
        .toList();
  }

  private static String name(String entry) {
    return String.valueOf(Path.of(entry).getFileName());
  }
}
