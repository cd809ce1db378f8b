package dev.recall.job.registry;

import dev.recall.job.store.Storage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.commons.io.FileUtils;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.hdfs.MiniDFSCluster;

/**
 * Whole processes of {@code deploy/bin/recall models rollback}, on this machine's disk and on HDFS,
 * and of {@code deploy/bin/recall --version}, in turns. What a rollback takes after the start of
 * the JVM and of Spark's spark-submit in it is the difference.
 */
public final class RollbackBenchmark {

  private static final String MODEL = "memory";
  private static final int VERSIONS = 20;
  private static final double NANOS = 1e9;

  private RollbackBenchmark() {}

  /**
   * Prints the median seconds of each.
   *
   * @param turns of each
   */
  public static void run(int turns) throws IOException {
    Path folder = Files.createTempDirectory("recall-rollback");
    Configuration configuration = new Configuration();
    configuration.set(MiniDFSCluster.HDFS_MINIDFS_BASEDIR, folder.resolve("hdfs").toString());
    try (MiniDFSCluster hdfs = new MiniDFSCluster.Builder(configuration).build()) {
      hdfs.waitActive();
      Map<String, String> roots = new LinkedHashMap<>();
      roots.put("disk", folder.resolve("models").toString());
      roots.put("HDFS", "hdfs://127.0.0.1:" + hdfs.getNameNodePort() + "/models");
      measure(roots, turns);
    } finally {
      FileUtils.deleteDirectory(folder.toFile());
    }
  }

  private static void measure(Map<String, String> roots, int turns) throws IOException {
    Map<String, double[]> seconds = new LinkedHashMap<>();
    seconds.put("--version", new double[turns]);
    for (Map.Entry<String, String> root : roots.entrySet()) {
      seconds.put(root.getKey(), new double[turns]);
      publish(registry(root.getValue()));
    }
    for (int turn = 0; turn < turns; turn++) {
      seconds.get("--version")[turn] = process("--version");
      for (Map.Entry<String, String> root : roots.entrySet()) {
        ModelRegistry registry = registry(root.getValue());
        registry.promote(registry.versionInService() % VERSIONS + 1, "to roll back");
        seconds.get(root.getKey())[turn] = rollback(root.getValue());
      }
    }
    print(seconds);
  }

  private static void print(Map<String, double[]> seconds) {
    double start = median(seconds.get("--version"));
    seconds.forEach(
        (where, times) ->
            System.out.printf(
                Locale.ROOT,
                "%-10s %.2f s (%.2f to %.2f), after the start %.2f s%n",
                where,
                median(times),
                Arrays.stream(times).min().orElseThrow(),
                Arrays.stream(times).max().orElseThrow(),
                median(times) - start));
  }

  private static ModelRegistry registry(String root) {
    return ModelRegistry.open(new Storage(Map.of()), root, MODEL);
  }

  private static void publish(ModelRegistry registry) throws IOException {
    for (int version = 1; version <= VERSIONS; version++) {
      registry.publish(version, "", "run", Map.of(ModelVersion.MODEL, new byte[1000]));
      registry.promote(version, "in turn");
    }
  }

  private static double rollback(String root) throws IOException {
    return process("models", "rollback", MODEL, "--registry", root);
  }

  private static double process(String... arguments) throws IOException {
    List<String> command = new ArrayList<>();
    command.add(launcher().toString());
    command.addAll(List.of(arguments));
    long start = System.nanoTime();
    Process process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    int exitCode = process.onExit().join().exitValue();
    if (exitCode != 0) {
      throw new IllegalStateException(command + ": exit code " + exitCode);
    }
    return (System.nanoTime() - start) / NANOS;
  }

  private static Path launcher() {
    Path folder = Path.of("").toAbsolutePath();
    while (!Files.exists(folder.resolve("deploy/bin/recall"))) {
      folder = folder.getParent();
    }
    return folder.resolve("deploy/bin/recall");
  }

  private static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    return sorted[sorted.length / 2];
  }
}
