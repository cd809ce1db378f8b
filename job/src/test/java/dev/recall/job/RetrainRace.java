package dev.recall.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.recall.job.config.Configs;
import dev.recall.job.registry.Lease;
import dev.recall.job.registry.ModelRegistry;
import dev.recall.job.store.Storage;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Retrainings for one scheduled time, each a process of its own, that begin in the same moment. */
public final class RetrainRace {

  private static final String MODEL = "memory";
  private static final Duration LONG = Duration.ofMinutes(10);

  private RetrainRace() {}

  /**
   * Starts so many; all wait for a lease that is given back when the last of them does. One trains
   * and publishes.
   *
   * @param count of processes
   * @param folder for what they leave on this machine
   * @param root of the registry, on a file system that has these settings
   */
  public static void of(int count, Path folder, String root, Map<String, String> hadoop)
      throws Exception {
    ModelRegistry registry = ModelRegistry.open(new Storage(hadoop), root, MODEL);
    try (Processes processes = new Processes(folder)) {
      List<Process> all = start(count, processes, registry, root, hadoop);
      for (Process process : all) {
        processes.assertEnds(process, 0);
      }
      String log = processes.log();
      assertThat(log.lines().filter(line -> line.startsWith("promoted: "))).as(log).hasSize(1);
      assertThat(log.lines().filter(line -> line.matches("(left alone|done already): .*")))
          .hasSize(count - 1);
      assertThat(log.lines().filter(line -> line.startsWith("run directory "))).hasSize(1);
    }
    assertThat(registry.versions()).containsExactly(2); // the test had lease 1
    assertThat(registry.history()).hasSize(1);
    assertThat(registry.storage().list(registry.path() + "/runs")).hasSize(1);
    assertThat(Lease.held(registry).orElseThrow().ended()).isTrue();
  }

  private static List<Process> start(
      int count,
      Processes processes,
      ModelRegistry registry,
      String root,
      Map<String, String> hadoop)
      throws Exception {
    List<String> settings = new ArrayList<>();
    hadoop.forEach((key, value) -> settings.add("-Dspark.hadoop." + key + "=" + value));
    List<Process> all = new ArrayList<>();
    try (Lease before = Lease.take(registry, LONG, line -> {})) {
      for (int i = 0; i < count; i++) {
        all.add(processes.start(settings, command(root)));
      }
      await("all watch lease " + before.number())
          .atMost(Duration.ofMinutes(2))
          .until(() -> watching(processes) == count);
    }
    return all;
  }

  private static long watching(Processes processes) throws IOException {
    return processes.log().lines().filter(line -> line.startsWith("waiting: ")).count();
  }

  private static List<String> command(String root) {
    List<String> args =
        Commands.with(
            Configs.smallWith("stop.rounds=2", "retrain.batches=2"),
            "retrain",
            "--without-spark",
            "--name",
            MODEL,
            "--registry",
            root);
    args.addAll(List.of("--scheduled", "2026-11-22T06:00:00Z"));
    return args;
  }
}
