package dev.recall.job.cluster;

import static org.awaitility.Awaitility.await;

import dev.recall.job.cluster.DaemonCluster.Kind;
import dev.recall.job.cluster.DisturbedRun.Undisturbed;
import dev.recall.job.config.Configs;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What dies, freezes or fills up while a standalone cluster trains. */
@Tag("cluster")
class StandaloneFaultsTest {

  private static final List<String> SETTINGS =
      Configs.smallWith(
          "stop.rounds=600",
          "training.local-steps=4",
          "checkpoint.every-rounds=25",
          "validation.every-rounds=0",
          "report.every-rounds=50");

  @TempDir private static Path folder;

  private static DaemonCluster cluster;
  private static Undisturbed undisturbed;

  @BeforeAll
  static void start() throws Exception {
    DaemonCluster.assumePackaged();
    cluster = DaemonCluster.start(Kind.STANDALONE, 2, folder);
    undisturbed = DisturbedRun.undisturbed(cluster, List.of(), SETTINGS);
  }

  @AfterAll
  static void stop() throws Exception {
    cluster.close();
  }

  @Test
  void executorsThatAreKilledAreReplaced() throws Exception {
    DisturbedRun run = DisturbedRun.begin(cluster, undisturbed, "killed", List.of());
    run.at(
        100,
        "SIGKILL of an executor",
        r -> {
          List<ProcessHandle> before = cluster.executors();
          before.get(0).destroyForcibly();
          await().until(() -> cluster.executors().stream().anyMatch(e -> !before.contains(e)));
          return "replaced";
        });
    run.ends();
  }
}
