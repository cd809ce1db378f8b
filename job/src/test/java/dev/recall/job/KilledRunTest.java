package dev.recall.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.recall.job.config.Configs;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Processes that are killed (SIGKILL) at moments of no one's choice, and go on. */
class KilledRunTest {

  private static final int KILLED = 128 + 9;

  /** Every kind of state, and a checkpoint after each round, so that most kills hit a write. */
  private static final List<String> SETTINGS =
      Configs.smallWith(
          "training.local-steps=2", "stop.patience=100000", "checkpoint.every-rounds=1");

  @RegisterExtension private final Processes processes = new Processes();

  private int newestRound() {
    return RunFiles.names(processes.run().resolve("checkpoints")).stream()
        .filter(name -> name.startsWith("round-"))
        .mapToInt(name -> Integer.parseInt(name.replaceAll("\\D", "")))
        .max()
        .orElse(-1);
  }

  private static List<String> begin(Path run, int rounds, String... options) {
    List<String> args = Commands.with(SETTINGS, "train", "--run", run.toString());
    args.addAll(List.of("--set", "stop.rounds=" + rounds));
    args.addAll(List.of(options));
    return args;
  }

  private List<String> beginOrGoOn(int rounds, String... options) {
    if (!processes.run().resolve("config.conf").toFile().exists()) {
      return begin(processes.run(), rounds, options);
    }
    return processes.resume(options);
  }

  private void killAt(int round, int rounds, List<String> jvmOptions, String... options)
      throws IOException, InterruptedException {
    Process process = processes.start(jvmOptions, beginOrGoOn(rounds, options));
    await()
        .atMost(Duration.ofSeconds(60))
        .pollDelay(Duration.ZERO)
        .pollInterval(Duration.ofMillis(1))
        .until(() -> newestRound() >= round || !process.isAlive());
    process.destroyForcibly();
    assertThat(process.waitFor()).as("was running: %s", processes.log()).isEqualTo(KILLED);
  }

  private void assertEndsAsIfNothingHadHappened(int rounds) {
    Path whole = processes.folder().resolve("whole");
    assertThat(Commands.recall(begin(whole, rounds, "--without-spark")).exitCode()).isZero();
    processes.assertEndedAs(whole, rounds);
    assertThat(RunFiles.snapshot(processes.run()).keySet())
        .noneMatch(name -> name.endsWith(".tmp") || name.endsWith(".crc"));
  }

  @Test
  void endsInTheHashOfTheUninterruptedRun() throws IOException, InterruptedException {
    Random random = new Random(20);
    for (int kill = 0; kill < 3; kill++) {
      killAt(kill == 0 ? 0 : 30 * kill + random.nextInt(30), 120, List.of(), "--without-spark");
      // Whatever the moment, the newest checkpoint is whole.
      processes.assertEvaluates();
    }
    Commands.Result last = Commands.recall(beginOrGoOn(120, "--without-spark"));
    assertThat(last.exitCode()).as(last.err()).isZero();
    assertEndsAsIfNothingHadHappened(120);
  }

  @Test
  @Tag("cluster")
  @Tag("long")
  void endsInTheHashOfTheUninterruptedRunWithSparkToo() throws IOException, InterruptedException {
    killAt(10, 40, Processes.SPARK);
    Process last = processes.start(Processes.SPARK, beginOrGoOn(40));
    processes.assertEnds(last, 0);
    assertEndsAsIfNothingHadHappened(40);
  }
}
