package dev.recall.job.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.recall.job.Commands;
import dev.recall.job.cluster.DaemonCluster.Kind;
import dev.recall.job.config.Configs;
import dev.recall.job.store.Storage;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** One configuration, wherever it runs: every row is a run of deploy/bin/recall. */
@Tag("cluster")
class OneHashTest {

  private static final List<String> SETTINGS =
      Configs.smallWith(
          "training.local-steps=2",
          "stop.rounds=20",
          "stop.patience=1000",
          "checkpoint.every-rounds=5");

  private record Row(String where, String on, RunResult result) {
    static Row of(String where, String run) throws IOException {
      JsonNode json =
          new ObjectMapper().readTree(new Storage(Map.of()).readText(run + "/run.json"));
      return new Row(where, json.at("/processes/0/runner").textValue(), RunResult.of(run));
    }

    String line() {
      return OneHashTest.line(where, on, result.parameters(), result.chain());
    }
  }

  private static String line(String... columns) {
    return String.format(Locale.ROOT, "%-36s %-40s %-64s %s", (Object[]) columns);
  }

  @TempDir private Path folder;

  private final List<Row> rows = new ArrayList<>();

  @BeforeAll
  static void onlyBehindThePhasePackage() {
    DaemonCluster.assumePackaged();
  }

  private static List<String> train(String run, String... options) {
    List<String> args = Commands.with(SETTINGS, "train", "--run", run);
    args.addAll(List.of(options));
    return args;
  }

  private void local(String where, List<String> sparkOptions, String... options) throws Exception {
    String run = folder.resolve(where.replaceAll("\\W", "-")).toString();
    Submission submission = DaemonCluster.local(sparkOptions, train(run, options), folder);
    assertThat(submission.end()).as(submission.log()).isZero();
    rows.add(Row.of(where, run));
  }

  /** Fewer executors than there should be do not begin. */
  private static Submission submit(
      DaemonCluster cluster, String run, int executors, List<String> sparkOptions)
      throws IOException {
    return cluster.submit(sparkOptions, train(run, "--set", "spark.min-executors=" + executors));
  }

  private void ends(String where, Submission submission, String run) throws Exception {
    // On a standalone cluster the submission of a driver ends before the driver, with 0.
    assertThat(submission.end()).as(submission.log()).isZero();
    await(where).atMost(Duration.ofMinutes(2)).until(() -> RunResult.isThere(run));
    rows.add(Row.of(where, run));
  }

  private void standalone(DaemonCluster cluster, int workers) throws Exception {
    for (String mode : List.of("client", "cluster")) {
      String run = cluster.runs() + "/" + workers + mode;
      List<String> options = new ArrayList<>(List.of("--deploy-mode", mode));
      options.addAll(Submission.conf("spark.executor.cores=1", "spark.cores.max=" + workers));
      ends(
          "standalone, workers: " + workers + ", " + mode + " mode",
          submit(cluster, run, workers, options),
          run);
    }
  }

  @Test
  void aRunHasTheSameHashWithoutSparkAndOnEveryCluster() throws Exception {
    local("without Spark", List.of(), "--without-spark");
    local("local[2]", List.of("--master", "local[2]"));
    try (DaemonCluster cluster = DaemonCluster.start(Kind.STANDALONE, 2, folder)) {
      standalone(cluster, 2);
      DaemonCluster.signal("KILL", cluster.daemon("worker-2"));
      standalone(cluster, 1);
    }
    try (DaemonCluster cluster = DaemonCluster.start(Kind.YARN, 2, folder)) {
      String run = cluster.runs() + "/";
      Submission client = submit(cluster, run + "client", 2, List.of());
      Submission driver = submit(cluster, run + "cluster", 2, List.of("--deploy-mode", "cluster"));
      ends("YARN, client mode", client, run + "client");
      ends("YARN, cluster mode", driver, run + "cluster");
    }
    System.out.println(line("where", "on", "parameters SHA-256", "chain"));
    rows.forEach(row -> System.out.println(row.line()));
    assertThat(rows).hasSize(8).extracting(Row::result).containsOnly(rows.get(0).result());
  }
}
