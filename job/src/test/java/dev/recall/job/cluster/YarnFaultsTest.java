package dev.recall.job.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.recall.job.Commands;
import dev.recall.job.RunFiles;
import dev.recall.job.cluster.DaemonCluster.Kind;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What dies, freezes or does not answer while YARN trains, and HDFS keeps the run. */
@Tag("cluster")
class YarnFaultsTest {

  /** Of one in cluster mode: as much as happens meanwhile, and more. */
  private static final int ROUNDS = 120;

  private static final List<String> NODES = List.of("1", "2");
  private static final String DISK_CHECKER = "yarn.nodemanager.disk-health-checker.";
  private static final String REGISTERED = "Registered with ResourceManager as";

  /** With executors so large that one has no room beside another and the application master. */
  private static final List<String> CLIENT_MODE = Submission.conf("spark.executor.memory=1200m");

  private static final List<String> CLUSTER_MODE = List.of("--deploy-mode", "cluster");

  private static final Duration PATIENCE = Duration.ofMinutes(4);
  private static final Duration OUTAGE = Duration.ofSeconds(4);

  private static final double NANOS = 1e9;

  @TempDir private static Path folder;

  private static DaemonCluster cluster;

  @BeforeAll
  static void start() throws Exception {
    DaemonCluster.assumePackaged();
    cluster = DaemonCluster.start(Kind.YARN, 2, folder);
  }

  @AfterAll
  static void stop() throws Exception {
    if (cluster != null) {
      cluster.close();
    }
  }

  private static List<String> settings(int rounds) {
    return DisturbedRun.settings("stop.rounds=" + rounds);
  }

  private static DisturbedRun begin(String name, int rounds, List<String> sparkOptions)
      throws IOException {
    return DisturbedRun.begin(cluster, settings(rounds), name, sparkOptions);
  }

  private interface Condition {
    void await() throws Exception;
  }

  private static String frozen(List<String> daemons, Condition until) throws Exception {
    long start = System.nanoTime();
    for (String daemon : daemons) {
      DaemonCluster.signal("STOP", cluster.daemon(daemon));
    }
    try {
      until.await();
    } finally {
      for (String daemon : daemons) {
        DaemonCluster.signal("CONT", cluster.daemon(daemon));
      }
    }
    return seconds(start);
  }

  private static String seconds(long start) {
    return String.format(Locale.ROOT, "%.1f s", (System.nanoTime() - start) / NANOS);
  }

  /** The driver is there for as long as the fault is to last. */
  private static void holdsOut(DisturbedRun run) {
    await()
        .during(OUTAGE)
        .atMost(OUTAGE.multipliedBy(2))
        .until(() -> run.submission().process().isAlive());
  }

  private static String nameNodeRefusesConnections(DisturbedRun run) throws IOException {
    long start = System.nanoTime();
    DaemonCluster.Killed killed = cluster.kill("namenode");
    holdsOut(run);
    cluster.startAgain(killed, "NameNode RPC up at", List.of());
    return "refused for " + seconds(start);
  }

  private static String anExecutorGets(String signal) throws Exception {
    List<ProcessHandle> executors = cluster.executors();
    DaemonCluster.signal(signal, executors.get(0));
    await("it is gone").atMost(PATIENCE).until(() -> !executors.get(0).isAlive());
    return "one of " + executors.size() + " gone";
  }

  private static ProcessHandle applicationMaster() {
    return cluster.masters().get(0);
  }

  private static String applicationMasterIsReplaced() {
    ProcessHandle before = applicationMaster();
    before.destroyForcibly();
    await("another application master")
        .atMost(PATIENCE)
        .until(() -> cluster.masters().stream().anyMatch(master -> !master.equals(before)));
    return "second attempt";
  }

  private static String nodeOf(ProcessHandle container) {
    return NODES.stream()
        .filter(node -> cluster.jvms("/nodes/" + node + "/").contains(container))
        .findFirst()
        .orElseThrow();
  }

  private static long missedNodes() {
    String log = RunFiles.text(cluster.logs().resolve("resourcemanager.log"));
    return log.lines().filter(line -> line.endsWith("as it is now LOST")).count();
  }

  /** There is one, or will be: both executors have no room on one node. */
  private static ProcessHandle executorElsewhereThanTheApplicationMaster() {
    return await("an executor on the other node")
        .atMost(PATIENCE)
        .until(
            () -> {
              String node = nodeOf(applicationMaster());
              return cluster.executors().stream()
                  .filter(executor -> !nodeOf(executor).equals(node))
                  .findFirst();
            },
            Optional::isPresent)
        .orElseThrow();
  }

  /**
   * A whole node goes, and comes back when YARN has missed it and the run has gone on without it.
   */
  private static void strikeNode(DisturbedRun run, String what, Supplier<ProcessHandle> container)
      throws Exception {
    List<DaemonCluster.Killed> killed = new ArrayList<>();
    run.strike(
        what,
        r -> {
          String node = nodeOf(container.get());
          List<ProcessHandle> containers = cluster.jvms("/nodes/" + node + "/");
          long missed = missedNodes();
          killed.add(cluster.kill("nodemanager-" + node));
          containers.forEach(ProcessHandle::destroyForcibly);
          await("YARN misses it").atMost(PATIENCE).until(() -> missedNodes() > missed);
          return containers.size() + " containers with it";
        });
    cluster.startAgain(killed.get(0), REGISTERED, List.of());
  }

  @Test
  void aRunInClientModeGoesOnAfterEveryLossAndWithResumeAfterThatOfTheDriver() throws Exception {
    DisturbedRun run = begin("client", DisturbedRun.ENDLESS, CLIENT_MODE);
    run.strike("SIGKILL of an executor", r -> anExecutorGets("KILL"));
    run.strike("SIGSTOP of an executor", r -> anExecutorGets("STOP"));
    run.strike(
        "ResourceManager stopped",
        r ->
            frozen(
                List.of("resourcemanager"),
                () -> r.awaitRound(r.newestRound() + 2 * DisturbedRun.EVERY)));
    run.strike(
        "NameNode and DataNode stopped",
        r -> frozen(List.of("namenode", "datanode"), () -> holdsOut(r)));
    run.strike("NameNode killed and started again", r -> nameNodeRefusesConnections(r));
    run.strike("SIGKILL of the application master", r -> applicationMasterIsReplaced());
    strikeNode(run, "SIGKILL of a NodeManager", () -> executorElsewhereThanTheApplicationMaster());
    run.strike(
        "SIGKILL of the driver",
        r -> {
          r.submission().close();
          r.resume(CLIENT_MODE, "stop.rounds=" + (r.newestRound() + 50));
          return "resumed";
        });
    run.ends();
  }

  @Test
  @Tag("long")
  void tooManyLossesEndTheApplicationAndOneInClusterModeGoesOnAfterThoseOfItsDriver()
      throws Exception {
    List<String> limited = new ArrayList<>(CLIENT_MODE);
    limited.addAll(
        Submission.conf(
            "spark.executor.maxNumFailures=3",
            "spark.yarn.maxAppAttempts=1",
            "spark.task.maxFailures=100"));
    DisturbedRun run = begin("cluster", ROUNDS, limited);
    run.strike(
        "executors killed to the limit, and another application in cluster mode",
        r -> {
          await("the application ends")
              .atMost(PATIENCE)
              .until(
                  () -> {
                    cluster.executors().forEach(ProcessHandle::destroyForcibly);
                    return !r.submission().process().isAlive();
                  });
          assertThat(r.submission().end()).isEqualTo(1);
          assertThat(r.submission().log())
              .contains("Max number of executor failures (3) reached")
              .contains("to go on: deploy/bin/recall train --resume " + r.directory());
          List<String> args = List.of("train", "--run", r.directory(), "--or-resume");
          r.submit(CLUSTER_MODE, Commands.with(settings(ROUNDS), args.toArray(new String[0])));
          return "exit code 1";
        });
    run.strike("SIGKILL of the application master", r -> applicationMasterIsReplaced());
    strikeNode(run, "SIGKILL of its NodeManager", () -> applicationMaster());
    run.ends();
  }

  @Test
  @Tag("long")
  void aNodeWithoutDiskLosesItsContainers() throws Exception {
    Namespaces.assumeSmallDisk(diskOf("1"));
    List<DaemonCluster.Killed> killed = new ArrayList<>();
    for (String node : NODES) {
      DaemonCluster.Killed onLargeDisk = cluster.kill("nodemanager-" + node);
      killed.add(onLargeDisk);
      cluster.startAgain(
          onLargeDisk,
          REGISTERED,
          Namespaces.smallDisk(diskOf(node), "32m"),
          "-D",
          DISK_CHECKER + "interval-ms=500",
          "-D",
          DISK_CHECKER + "disk-utilization-watermark-low-per-disk-percentage=50");
    }
    try {
      trainWithoutDisk();
    } finally {
      for (DaemonCluster.Killed onLargeDisk : killed) {
        cluster.kill(onLargeDisk.name());
        cluster.startAgain(onLargeDisk, REGISTERED, List.of());
      }
    }
  }

  private static Path diskOf(String node) {
    return cluster.folder().resolve("nodes").resolve(node);
  }

  private static void trainWithoutDisk() throws Exception {
    DisturbedRun run = begin("disk", 200, CLIENT_MODE);
    run.strike(
        "disk of the application master's NodeManager full",
        r -> {
          ProcessHandle lost = applicationMaster();
          String node = nodeOf(lost);
          Namespaces.fill(cluster.daemon("nodemanager-" + node), diskOf(node), 0);
          await("it is taken away").atMost(PATIENCE).until(() -> !lost.isAlive());
          await("executors elsewhere")
              .atMost(PATIENCE)
              .until(
                  () ->
                      !cluster.executors().isEmpty()
                          && cluster.jvms("/nodes/" + node + "/").isEmpty());
          return "YARN takes its containers away and gives others on the other node";
        });
    run.strikeFrozenDriver();
    run.ends();
  }

  @Test
  @Tag("long")
  void aFrozenExecutorIsOvertakenBySpeculativeTasks() throws Exception {
    List<String> options = new ArrayList<>(CLIENT_MODE);
    options.addAll(DisturbedRun.SPECULATION);
    DisturbedRun run = begin("speculation", ROUNDS, options);
    run.strikeFrozenWithSpeculation();
    run.ends();
  }

  @Test
  @Tag("long")
  void executorsComeAndGoWithDynamicAllocation() throws Exception {
    DisturbedRun run = DisturbedRun.beginDynamic(cluster, CLIENT_MODE);
    run.strikeDynamic();
    run.ends();
  }
}
