package dev.recall.job.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.recall.job.cluster.DaemonCluster.Killed;
import dev.recall.job.cluster.DaemonCluster.Kind;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What dies, freezes, fills up or is cut off while a standalone cluster trains. Faults that leave
 * the cluster as it was happen to the same run, one behind the other.
 */
@Tag("cluster")
class StandaloneFaultsTest {

  private static final String MASTER_SERVES = "I have been elected leader";
  private static final String WORKER_SERVES = "Successfully registered with master";

  /** Of drivers, in a network where all ports are free. */
  private static final int DRIVER_PORT = 41001;

  private static final int BLOCK_PORT = 41002;

  private static final Duration PATIENCE = Duration.ofMinutes(3);

  /** Enough for folders and logs, not for the jar. */
  private static final int LITTLE_ROOM = 512 << 10;

  private static final int BREAK_SECONDS = 3;

  @TempDir private static Path folder;

  private static DaemonCluster cluster;
  private static boolean ownNetwork;
  private static final Map<String, Killed> DOWN = new HashMap<>();

  @BeforeAll
  static void start() throws Exception {
    DaemonCluster.assumePackaged();
    ownNetwork = Namespaces.canHaveNetwork();
    cluster =
        ownNetwork
            ? DaemonCluster.startInOwnNetwork(Kind.STANDALONE, 2, folder)
            : DaemonCluster.start(Kind.STANDALONE, 2, folder);
  }

  @AfterAll
  static void stop() throws Exception {
    if (cluster != null) {
      cluster.close();
    }
  }

  /** A run that failed its test takes no executors from the next. */
  @AfterEach
  void endRuns() {
    cluster.endSubmissions();
  }

  /** Whatever a test before this one left. */
  @BeforeEach
  void bringUp() throws Exception {
    for (String daemon : List.of("master", "worker-1", "worker-2")) {
      if (DOWN.containsKey(daemon)) {
        startAgain(daemon);
      }
    }
    awaitExecutors(0);
  }

  private static void kill(String daemon) {
    DOWN.put(daemon, cluster.kill(daemon));
  }

  private static void startAgain(String daemon) throws IOException {
    startAgain(daemon, List.of());
  }

  private static void startAgain(String daemon, List<String> wrapper) throws IOException {
    Killed killed = DOWN.get(daemon);
    if (daemon.equals("master")) {
      String port = cluster.environment("SPARK_MASTER").replaceFirst(".*:", "");
      cluster.startAgain(killed, MASTER_SERVES, wrapper, "--port", port);
    } else {
      cluster.startAgain(killed, WORKER_SERVES, wrapper);
    }
    DOWN.remove(daemon);
  }

  private static List<ProcessHandle> executorsOf(int worker) {
    return cluster.jvms("CoarseGrainedExecutorBackend").stream()
        .filter(cluster.jvms("--hostname 127.0.0.1" + worker)::contains)
        .toList();
  }

  private static List<ProcessHandle> awaitWorking(int count) {
    await(count + " executors at work")
        .atMost(PATIENCE)
        .until(() -> cluster.executorsAtWork().size() >= count);
    return cluster.executorsAtWork();
  }

  private static void awaitExecutors(int count) {
    await(count + " executors").atMost(PATIENCE).until(() -> cluster.executors().size() == count);
  }

  private static void awaitOthers(List<ProcessHandle> before, int count) {
    await(count + " other executors")
        .atMost(PATIENCE)
        .until(
            () -> cluster.executors().stream().filter(e -> !before.contains(e)).count() >= count);
  }

  private static DisturbedRun begin(
      String name, int rounds, List<String> sparkOptions, String... options) throws IOException {
    List<String> settings = DisturbedRun.settings("stop.rounds=" + rounds);
    return DisturbedRun.begin(cluster, settings, name, sparkOptions, options);
  }

  /** With the timeouts of conf/spark-standalone.properties. */
  @Test
  void aRunGoesOnAfterEveryLossAndInAnotherDriver() throws Exception {
    DisturbedRun run = begin("losses", DisturbedRun.ENDLESS, List.of());
    loseExecutors(run);
    loseWorkers(run);
    loseTheMaster(run);
    run.strike(
        "SIGKILL of a worker",
        r -> {
          awaitWorking(2); // one that finds its worker dead when it starts would stay
          kill("worker-2");
          await().atMost(PATIENCE).until(() -> executorsOf(2).isEmpty());
          return "its executor ended with it, the other one went on";
        });
    run.strike(
        "SIGKILL of the driver",
        r -> {
          r.submission().close();
          r.resume(List.of());
          return "went on with --resume";
        });
    run.strike(
        "a second driver in the same run directory",
        r -> {
          Submission first = r.submission();
          r.resume(List.of(), "stop.rounds=" + (r.newestRound() + 400));
          assertThat(first.end()).as(first.log()).isEqualTo(1);
          assertThat(first.log())
              .containsPattern(
                  "found that of a process on .*, which goes on with the run; this one stops");
          return "the first stopped and named it";
        });
    run.ends();
  }

  @Test
  void aRunOutlivesABreakOfTheNetwork() throws Exception {
    assumeTrue(ownNetwork, "this machine gives a test no network of its own");
    DisturbedRun run =
        begin(
            "network",
            120,
            Submission.conf(
                "spark.driver.port=" + DRIVER_PORT,
                "spark.driver.blockManager.port=" + BLOCK_PORT));
    run.strike(
        "no packet arrives for " + BREAK_SECONDS + " s",
        r -> {
          Namespaces.shell(cluster.script().toHandle(), "ip link set lo down");
          TimeUnit.SECONDS.sleep(BREAK_SECONDS);
          Namespaces.shell(cluster.script().toHandle(), "ip link set lo up");
          return "went on";
        });
    run.strike(
        "connections to the driver reset and refused for " + BREAK_SECONDS + " s",
        r -> {
          List<ProcessHandle> before = awaitWorking(2);
          cut(
              "to 127.0.0.1 ipproto tcp dport " + DRIVER_PORT + "-" + BLOCK_PORT,
              "dport = :" + DRIVER_PORT + " or dport = :" + BLOCK_PORT);
          awaitOthers(before, 2);
          return "executors ended and were replaced";
        });
    run.ends();
  }

  private static void loseExecutors(DisturbedRun run) throws Exception {
    run.strike(
        "SIGKILL of an executor",
        r -> {
          List<ProcessHandle> before = awaitWorking(2);
          before.get(0).destroyForcibly();
          awaitOthers(before, 1);
          return "replaced";
        });
    run.strike(
        "SIGKILL of all executors at once",
        r -> {
          List<ProcessHandle> before = awaitWorking(2);
          before.forEach(ProcessHandle::destroyForcibly);
          awaitOthers(before, 2);
          return "replaced";
        });
    run.strike(
        "SIGSTOP of an executor",
        r -> {
          List<ProcessHandle> before = awaitWorking(2);
          ProcessHandle frozen = before.get(0);
          DaemonCluster.signal("STOP", frozen);
          r.submission().awaitLine("Lost executor .* heartbeat timed out");
          DaemonCluster.signal("CONT", frozen);
          await("the frozen one ends").atMost(PATIENCE).until(() -> !frozen.isAlive());
          awaitOthers(before, 1);
          return "missed its heartbeats, replaced";
        });
  }

  private static void loseWorkers(DisturbedRun run) throws Exception {
    run.strike(
        "SIGPWR of a worker, spark.decommission.enabled",
        r -> {
          awaitWorking(2);
          DaemonCluster.signal("PWR", cluster.daemon("worker-2"));
          await().atMost(PATIENCE).until(() -> executorsOf(2).isEmpty());
          return "its executor left when its tasks were done";
        });
    run.strike(
        "SIGKILL of all workers",
        r -> {
          kill("worker-2");
          kill("worker-1");
          awaitExecutors(0);
          startAgain("worker-2");
          awaitWorking(1);
          return "went on when one came back";
        });
    run.strike(
        "a worker more",
        r -> {
          startAgain("worker-1");
          awaitExecutors(2);
          return "it got an executor";
        });
  }

  private static void loseTheMaster(DisturbedRun run) throws Exception {
    run.strike(
        "SIGKILL of the Master",
        r -> {
          kill("master");
          return "went on";
        });
    run.strike(
        "SIGKILL of an executor without Master",
        r -> {
          awaitWorking(2).get(0).destroyForcibly();
          r.awaitRound(r.newestRound() + 2 * DisturbedRun.EVERY);
          assertThat(cluster.executors()).hasSize(1);
          return "went on with the other";
        });
    run.strike(
        "the Master again, spark.deploy.recoveryMode",
        r -> {
          startAgain("master");
          awaitExecutors(2);
          return "replaced the executor";
        });
  }

  @Test
  @Tag("long")
  void aSupervisedDriverGoesOnByItself() throws Exception {
    List<String> options = new ArrayList<>(List.of("--deploy-mode", "cluster", "--supervise"));
    // A Worker knows nothing of who submits.
    options.addAll(
        Submission.conf("spark.driver.extraClassPath=" + DaemonCluster.pacedFileSystems()));
    DisturbedRun run = begin("supervised", 120, options, "--or-resume");
    run.strike(
        "SIGKILL of a driver, --supervise and --or-resume",
        r -> {
          List<ProcessHandle> before = cluster.masters();
          before.forEach(ProcessHandle::destroyForcibly);
          await()
              .atMost(PATIENCE)
              .until(() -> cluster.masters().stream().anyMatch(driver -> !before.contains(driver)));
          return "started again, went on";
        });
    if (ownNetwork) {
      run.strike(
          "all connections reset and refused for " + BREAK_SECONDS + " s, supervised",
          r -> {
            cut("to 127.0.0.0/8", "dst 127.0.0.0/8");
            return "started again, went on";
          });
    }
    run.ends();
  }

  /** Resets connections and refuses new ones for some seconds. */
  private static void cut(String rule, String sockets) throws IOException, InterruptedException {
    Namespaces.shell(
        cluster.script().toHandle(),
        "ip rule add pref 1 " + rule + " unreachable; ss -K " + sockets);
    TimeUnit.SECONDS.sleep(BREAK_SECONDS);
    Namespaces.shell(cluster.script().toHandle(), "ip rule del pref 1");
  }

  @Test
  @Tag("long")
  void aFrozenExecutorIsOvertakenBySpeculativeTasks() throws Exception {
    DisturbedRun run = begin("speculation", 120, DisturbedRun.SPECULATION);
    run.strikeFrozenWithSpeculation();
    run.ends();
  }

  @Test
  void anExecutorWithoutDiskIsExcluded() throws Exception {
    Path disk = cluster.folder().resolve("work/worker-2");
    Namespaces.assumeSmallDisk(disk);
    kill("worker-2");
    Killed killed = DOWN.get("worker-2");
    List<String> wrapper = new ArrayList<>(Namespaces.smallDisk(disk, "16m"));
    wrapper.addAll(List.of("env", "SPARK_LOCAL_DIRS=" + disk.resolve("local")));
    startAgain("worker-2", wrapper);
    try {
      trainWithoutDisk(disk);
    } finally {
      cluster.kill("worker-2");
      DOWN.put("worker-2", killed);
    }
  }

  private void trainWithoutDisk(Path disk) throws Exception {
    DisturbedRun run = begin("disk", 400, Submission.conf("spark.excludeOnFailure.enabled=true"));
    run.strike(
        "disk of an executor full",
        r -> {
          awaitWorking(2);
          Namespaces.fill(cluster.daemon("worker-2"), disk, LITTLE_ROOM);
          r.awaitRound(r.newestRound() + 2 * DisturbedRun.EVERY);
          return "went on, a running executor writes nothing";
        });
    run.strike(
        "SIGKILL of an executor on a full disk, spark.excludeOnFailure.enabled",
        r -> {
          executorsOf(2).forEach(ProcessHandle::destroyForcibly);
          r.submission().awaitLine("No space left on device");
          return "the new one fails tasks and gets none any more";
        });
    run.ends();
  }

  @Test
  @Tag("long")
  void executorsComeAndGoWithDynamicAllocation() throws Exception {
    DisturbedRun run = DisturbedRun.beginDynamic(cluster, List.of());
    run.strikeDynamic();
    run.ends();
  }

  @Test
  @Tag("long")
  void aRunWithDynamicAllocationOutlivesAFrozenMasterAndAFrozenDriver() throws Exception {
    DisturbedRun run = begin("frozen", 250, DisturbedRun.DYNAMIC, DisturbedRun.FOUR_TASKS);
    run.strike(
        "SIGSTOP of the Master for " + DisturbedRun.FROZEN_SECONDS + " s, dynamic allocation",
        r -> {
          ProcessHandle executor = awaitWorking(2).get(0);
          DaemonCluster.signal("STOP", cluster.daemon("master"));
          executor.destroyForcibly();
          TimeUnit.SECONDS.sleep(DisturbedRun.FROZEN_SECONDS);
          DaemonCluster.signal("CONT", cluster.daemon("master"));
          assertThat(r.submission().log()).doesNotContain("Assuming connection is dead");
          return "an executor was killed meanwhile, the run went on";
        });
    run.strikeFrozenDriver();
    run.ends();
  }
}
