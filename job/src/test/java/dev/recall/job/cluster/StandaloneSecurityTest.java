package dev.recall.job.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.recall.job.Commands;
import dev.recall.job.RunFiles;
import dev.recall.job.cluster.DaemonCluster.Kind;
import dev.recall.job.config.Configs;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A standalone cluster with spark.authenticate and encryption. */
@Tag("cluster")
class StandaloneSecurityTest {

  private static final String STORE_SECRET = "2f6c09e1b5d84a37-of-the-store";
  private static final String KEY_PASSWORD = "8b1d74f02c9e4a65-of-the-key";

  @TempDir private static Path folder;
  private static DaemonCluster cluster;

  @BeforeAll
  static void startsTheCluster() throws Exception {
    DaemonCluster.assumePackaged();
    cluster = DaemonCluster.start(Kind.SECRET_STANDALONE, 1, folder);
  }

  @AfterAll
  static void takesItDown() throws Exception {
    if (cluster != null) {
      cluster.close();
    }
  }

  private static List<String> train(String run, String... settings) {
    return Commands.with(Configs.smallWith(settings), "train", "--run", run);
  }

  @Test
  void aRunHasTheSameHashAndItsSecretsAreNowhere() throws Exception {
    Path events = Files.createDirectories(folder.resolve("events"));
    Path properties =
        Secrets.properties(
            cluster,
            folder.resolve("secret.properties"),
            "spark.hadoop.fs.s3a.secret.key " + STORE_SECRET,
            "spark.hadoop.fs.s3a.access.key " + STORE_SECRET,
            "spark.ssl.ui.keyPassword " + KEY_PASSWORD,
            "spark.eventLog.enabled true",
            "spark.eventLog.dir " + events.toUri());
    List<String> secrets =
        List.of(STORE_SECRET, KEY_PASSWORD, Secrets.value(properties, "spark.authenticate.secret"));
    String run = cluster.runs() + "/secret";
    Submission submission =
        cluster.submit(
            List.of("--properties-file", properties.toString()),
            train(run, "stop.rounds=60", "report.every-rounds=1"));
    submission.awaitLine("^round 1/60 ");
    assertThat(Secrets.commandLines(cluster, secrets)).isEmpty();
    assertThat(Secrets.commandLines(cluster, List.of(".CoarseGrainedExecutorBackend")))
        .isNotEmpty();
    assertThat(submission.end()).as(submission.log()).isZero();

    Path local = folder.resolve("local");
    List<String> args = train(local.toString(), "stop.rounds=60", "report.every-rounds=1");
    assertThat(Commands.recall(Stream.concat(args.stream(), Stream.of("--without-spark")).toList()))
        .extracting(Commands.Result::exitCode)
        .isEqualTo(0);
    assertThat(RunResult.of(run)).isEqualTo(RunResult.of(local.toString()));

    assertThat(submission.log()).doesNotContain(secrets.toArray(new String[0]));
    assertThat(RunFiles.names(events)).hasSize(1);
    assertThat(Secrets.files(events, secrets)).isEmpty();
    assertThat(Secrets.files(cluster.folder(), secrets))
        .containsExactly("conf/daemons.properties", "conf/spark.properties");
  }

  @ParameterizedTest
  @CsvSource({"lacksTheSecret, '#'", "hasAWrongOne, wrong"})
  void aClientIsRefusedWho(String name, String secret) throws Exception {
    String text = RunFiles.text(cluster.folder().resolve("conf/spark.properties"));
    Path properties = folder.resolve(name + ".properties");
    Files.writeString(
        properties,
        secret.equals("#")
            ? text.replaceAll("(?m)^(spark.authenticate|spark.network.crypto|spark.io.enc)", "# $1")
            : text.replaceAll("(?m)^(spark.authenticate.secret ).*", "$1 " + secret));
    Submission submission =
        cluster.submit(
            List.of("--properties-file", properties.toString()),
            train(cluster.runs() + "/" + name, "wait.cluster-seconds=5"));
    assertThat(submission.end()).as(submission.log()).isEqualTo(1);
    assertThat(submission.log())
        .contains(
            "failed: waited 5 s for Spark to start on "
                + cluster.environment("SPARK_MASTER")
                + " (with spark.authenticate a Master answers only those who have its secret)");
    assertThat(Path.of(cluster.runs(), name)).doesNotExist();
  }

  /** Spark's: for executors, for blocks, and its UI. */
  @ParameterizedTest
  @CsvSource({"false, 2", "true, 3"})
  void theDriverOpensNoPortButThoseOfSpark(boolean ui, int ports) throws Exception {
    List<Integer> free =
        IntStream.generate(DaemonCluster::freePort).distinct().limit(ports).boxed().toList();
    try (Submission submission =
        cluster.submit(
            Submission.conf(
                "spark.driver.port=" + free.get(0),
                "spark.driver.blockManager.port=" + free.get(1),
                "spark.ui.enabled=" + ui,
                "spark.ui.port=" + free.get(ports - 1)),
            train(
                cluster.runs() + "/ports-" + ports,
                "stop.rounds=1000000",
                "report.every-rounds=1"))) {
      submission.awaitLine("^round 2/1000000 ");
      List<ProcessHandle> driver = List.of(submission.process().toHandle());
      await()
          .atMost(Duration.ofSeconds(10))
          .untilAsserted(
              () ->
                  assertThat(DaemonCluster.listening(driver).keySet())
                      .hasSize(ports)
                      .extracting(InetSocketAddress::getPort)
                      .containsExactlyInAnyOrderElementsOf(free));
      assertThat(DaemonCluster.listening(driver).keySet())
          .allMatch(socket -> socket.getAddress().isLoopbackAddress());
    }
  }
}
