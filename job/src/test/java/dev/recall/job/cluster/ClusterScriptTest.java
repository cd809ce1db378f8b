package dev.recall.job.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.recall.job.RunFiles;
import dev.recall.job.cluster.DaemonCluster.Kind;
import dev.recall.job.config.Configs;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** That deploy/bin/cluster leaves nothing behind, whatever ends it. */
@Tag("cluster")
class ClusterScriptTest {

  private static final int SIGTERM = 128 + 15;
  private static final int SIGKILL = 128 + 9;

  @TempDir private Path folder;

  @BeforeAll
  static void onlyBehindThePhasePackage() {
    DaemonCluster.assumePackaged();
  }

  /** A run that does not end by itself, and has its executors now. */
  private static void train(DaemonCluster cluster, String... sparkOptions) throws IOException {
    List<String> args = new ArrayList<>(List.of("train", "--run", cluster.runs() + "/busy"));
    Configs.smallWith("stop.rounds=1000000")
        .forEach(setting -> args.addAll(List.of("--set", setting)));
    Submission run = cluster.submit(List.of(sparkOptions), args);
    await("executors")
        .atMost(Duration.ofSeconds(60))
        .untilAsserted(() -> assertThat(cluster.executors()).as(run.log()).hasSize(2));
  }

  /** What a cluster holds while it is up. */
  private static Map<InetSocketAddress, String> sockets(DaemonCluster cluster) throws IOException {
    Map<InetSocketAddress, String> sockets = cluster.listening();
    assertThat(sockets.keySet())
        .hasSizeGreaterThan(cluster.daemons().size())
        .allMatch(socket -> socket.getAddress().isLoopbackAddress());
    return sockets;
  }

  /** Another cluster may have a port by now, in a socket of its own. */
  private void hasLeftNothing(DaemonCluster cluster, Map<InetSocketAddress, String> sockets)
      throws IOException {
    await("processes and folder are gone")
        .atMost(Duration.ofSeconds(10))
        .until(() -> cluster.processes().isEmpty() && !Files.exists(cluster.folder()));
    assertThat(DaemonCluster.everyoneListening().entrySet())
        .doesNotContainAnyElementsOf(sockets.entrySet());
  }

  @Test
  @Tag("long")
  void aScriptThatIsKilledLeavesNothingOfYarnAndAnotherClusterGoesOn() throws Exception {
    try (DaemonCluster yarn = DaemonCluster.start(Kind.YARN, 2, folder);
        DaemonCluster standalone = DaemonCluster.start(Kind.STANDALONE, 2, folder)) {
      assertThat(yarn.daemons())
          .containsExactly(
              "datanode", "namenode", "nodemanager-1", "nodemanager-2", "resourcemanager");
      train(yarn, "--deploy-mode", "cluster");
      assertThat(yarn.masters()).hasSize(1);
      train(standalone);
      Map<InetSocketAddress, String> ofYarn = sockets(yarn);
      Map<InetSocketAddress, String> ofStandalone = sockets(standalone);
      List<Long> others = standalone.processes().stream().map(ProcessHandle::pid).toList();

      yarn.script().destroyForcibly();
      assertThat(yarn.script().waitFor()).isEqualTo(SIGKILL);
      hasLeftNothing(yarn, ofYarn);
      assertThat(standalone.processes()).extracting(ProcessHandle::pid).containsAll(others);

      // As when the JVM that holds the other end is killed.
      standalone.script().getOutputStream().close();
      assertThat(standalone.script().waitFor()).isZero();
      hasLeftNothing(standalone, ofStandalone);
    }
  }

  @Test
  void aScriptThatIsTerminatedLeavesNothingOfADriverThatIsSupervised() throws Exception {
    try (DaemonCluster cluster = DaemonCluster.start(Kind.STANDALONE, 2, folder)) {
      assertThat(cluster.daemons()).containsExactly("master", "worker-1", "worker-2");
      train(cluster, "--deploy-mode", "cluster", "--supervise");
      assertThat(cluster.masters()).hasSize(1);
      Map<InetSocketAddress, String> sockets = sockets(cluster);
      cluster.script().destroy();
      assertThat(cluster.script().waitFor()).isEqualTo(SIGTERM);
      hasLeftNothing(cluster, sockets);
    }
  }

  @Test
  void aScriptThatIsTerminatedWhileDaemonsStartLeavesNothing() throws Exception {
    Path own = folder.resolve("own");
    Process script =
        DaemonCluster.script(DaemonCluster.root(), "--folder", own.toString(), "yarn").start();
    await().until(() -> RunFiles.names(own.resolve("pids")).contains("datanode.pid"));
    assertThat(DaemonCluster.processes(own)).isNotEmpty();
    script.destroy();
    assertThat(script.waitFor()).isEqualTo(SIGTERM);
    assertThat(DaemonCluster.processes(own)).isEmpty();
    assertThat(own).doesNotExist();
  }

  @Test
  void aDaemonThatDoesNotStartIsNamedWithTheLastLinesOfItsLog() throws Exception {
    // A build without Hadoop's jars.
    Path target = folder.resolve("job/target");
    Files.createDirectories(target.resolve("hadoop"));
    Files.createFile(target.resolve("recall.jar"));
    Path bin = Files.createDirectories(folder.resolve("deploy/bin"));
    for (String file : List.of("cluster", "build.sh")) {
      Files.copy(DaemonCluster.root().resolve("deploy/bin").resolve(file), bin.resolve(file));
    }
    assertThat(bin.resolve("cluster").toFile().setExecutable(true)).isTrue();
    Path own = folder.resolve("own");
    Answer answer = answer(folder, "--folder", own.toString(), "yarn");
    assertThat(answer.code()).isEqualTo(1);
    assertThat(answer.text())
        .contains("cluster: namenode ended with exit code 1 before it served; the last lines of")
        .contains("Could not find or load main class org.apache.hadoop.hdfs.server.namenode")
        .doesNotContain("ready");
    assertThat(DaemonCluster.processes(own)).isEmpty();
    assertThat(own).doesNotExist();
  }

  private record Answer(int code, String text) {}

  private static Answer answer(Path checkout, String... args) throws Exception {
    Process script = DaemonCluster.script(checkout, args).redirectErrorStream(true).start();
    String text = new String(script.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(script.waitFor(1, TimeUnit.MINUTES)).isTrue();
    return new Answer(script.exitValue(), text.strip());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "mesos           | expected standalone, yarn or one of --workers --folder --authenticate --kerberos --ticket-seconds --help, found mesos",
        "standalone yarn | expected one of standalone yarn, found both standalone and yarn",
        "--workers 0     | --workers: expected a number from 1 to 99, found 0",
        "--workers       | --workers: expected a number from 1 to 99, found nothing",
        "--authenticate yarn | --authenticate: expected standalone beside it, found yarn",
        "--kerberos standalone | --kerberos: expected yarn beside it, found standalone",
        "--ticket-seconds 9 | --ticket-seconds: expected a number from 10 to 999999, found 9",
        "--ticket-seconds 20 yarn | --ticket-seconds: expected --kerberos beside it, found none",
        "--folder /      | --folder: expected a path that is free, in a folder that is there, found /",
        "--folder a:b    | --folder: expected a path of letters, digits and ._/+@-, found a:b"
      })
  void wrongOptionIsRefusedWithWhatWasExpected(String arguments, String message) throws Exception {
    Answer answer = answer(DaemonCluster.root(), arguments.split(" "));
    assertThat(answer).isEqualTo(new Answer(2, "cluster: " + message));
  }

  @Test
  void withoutAKindOfClusterTheKindsAreNamed() throws Exception {
    assertThat(answer(DaemonCluster.root()))
        .isEqualTo(new Answer(2, "cluster: expected standalone or yarn, found nothing"));
    Answer help = answer(DaemonCluster.root(), "--help");
    assertThat(help.code()).isZero();
    assertThat(help.text()).contains("cluster [options] standalone|yarn", "--workers", "--folder");
  }
}
