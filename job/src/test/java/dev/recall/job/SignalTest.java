package dev.recall.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.recall.job.config.Configs;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Processes that are asked to end. */
class SignalTest {

  private static final int TERMINATED = 128 + 15;
  private static final int INTERRUPTED = 128 + 2;
  private static final int ROUNDS = 12;

  /** Rounds that take a while, every kind of state, and no checkpoint before the end. */
  private static final List<String> SETTINGS =
      Configs.smallWith(
          "training.local-steps=250",
          "stop.patience=100000",
          "stop.rounds=" + ROUNDS,
          "checkpoint.every-rounds=1000",
          "report.every-rounds=1");

  private static final Pattern ROUND = Pattern.compile("(?m)^round (\\d+)/");

  @RegisterExtension private final Processes processes = new Processes();

  private static List<String> begin(Path run, String... options) {
    List<String> args = Commands.with(SETTINGS, "train", "--run", run.toString());
    args.addAll(List.of(options));
    return args;
  }

  private List<Integer> roundsTold(String log) {
    return ROUND.matcher(log).results().map(round -> Integer.valueOf(round.group(1))).toList();
  }

  private void assertGoesOnTo(Path whole) {
    processes.assertEndedAs(whole, ROUNDS);
    assertThat(RunFiles.chainHead(processes.run())).isEqualTo(RunFiles.chainHead(whole));
    assertThat(result(processes.run()).get("chain")).isEqualTo(result(whole).get("chain"));
    assertThat(result(processes.run()).get("chain").textValue())
        .isEqualTo(RunFiles.chainHead(processes.run()));
  }

  private static JsonNode result(Path run) {
    return RunFiles.json(run.resolve("run.json")).get("result");
  }

  /** Nothing says that the run has ended. */
  private void assertNoResult() {
    assertThat(processes.run().resolve("summary.json")).doesNotExist();
    assertThat(result(processes.run())).isNull();
    processes.assertEvaluates();
  }

  private void endsAfterTheRound(
      String name, int exitCode, List<String> before, List<String> jvmOptions, String... options)
      throws IOException, InterruptedException {
    Process process = processes.start(before, jvmOptions, begin(processes.run(), options));
    processes.awaitLine(process, "^round 3/");
    Processes.signal(name, process);
    processes.assertEnds(process, exitCode);

    String log = processes.log();
    String told = "SIG" + name + ": ending after this round; a second one ends at once";
    assertThat(log).containsOnlyOnce(told);
    List<Integer> rounds = roundsTold(log);
    int last = rounds.get(rounds.size() - 1);
    assertThat(last).isLessThan(ROUNDS);
    assertThat(roundsTold(log.substring(log.indexOf(told)))).hasSizeLessThanOrEqualTo(1);
    String checkpoint = "round-%08d.safetensors".formatted(last);
    assertThat(RunFiles.names(processes.run().resolve("checkpoints")))
        .containsExactly("round-00000000.safetensors", checkpoint);
    assertThat(log)
        .contains(
            "the last checkpoint is whole: file:" + processes.run() + "/checkpoints/" + checkpoint)
        .contains("to go on: deploy/bin/recall train --resume file:" + processes.run() + "\n");
    assertThat(RunFiles.metricsRounds(processes.run()))
        .isEqualTo(IntStream.rangeClosed(1, last).boxed().toList());
    assertNoResult();

    Process again = processes.start(jvmOptions, processes.resume(options));
    processes.assertEnds(again, 0);
    Path whole = processes.folder().resolve("whole");
    assertThat(Commands.recall(begin(whole, "--without-spark")).exitCode()).isZero();
    assertGoesOnTo(whole);
    System.out.println(
        "SIG" + name + " in round " + last + ": exit " + exitCode + ", same result on resume");
  }

  @Test
  void sigtermEndsARunAfterTheRound() throws IOException, InterruptedException {
    endsAfterTheRound("TERM", TERMINATED, List.of(), List.of(), "--without-spark");
  }

  /** Somebody who starts tests in the background lets them ignore it, and their processes too. */
  @Test
  void sigintEndsARunAfterTheRound() throws IOException, InterruptedException {
    List<String> heeding = List.of("env", "--default-signal=INT");
    assumeTrue(runs(heeding), "env of this machine does not know --default-signal");
    endsAfterTheRound("INT", INTERRUPTED, heeding, List.of(), "--without-spark");
  }

  private static boolean runs(List<String> before) throws InterruptedException {
    List<String> command = new ArrayList<>(before);
    command.add("true");
    try {
      return new ProcessBuilder(command).start().waitFor() == 0;
    } catch (IOException e) {
      return false;
    }
  }

  @Test
  @Tag("cluster")
  void sigtermEndsARunOnSparkAfterTheRound() throws IOException, InterruptedException {
    endsAfterTheRound("TERM", TERMINATED, List.of(), Processes.SPARK);
  }

  /** In a round that would take minutes. */
  private void secondEndsAtOnce(List<String> jvmOptions, String... options)
      throws IOException, InterruptedException {
    List<String> short3 =
        Commands.with(
            Configs.smallWith("training.local-steps=2", "stop.rounds=3"),
            "train",
            "--without-spark",
            "--run",
            processes.run().toString());
    assertThat(Commands.recall(short3).exitCode()).isZero();
    List<String> args = processes.resume(options);
    args.addAll(List.of("--allow-changed", "--set", "training.local-steps=100000000", "--set"));
    args.add("stop.rounds=5");
    Process process = processes.start(jvmOptions, args);
    processes.awaitLine(process, "^run directory ");
    awaitWork(process); // before the round the first signal alone ends the run
    Processes.signal("TERM", process);
    processes.awaitLine(process, "^SIGTERM: ending after this round; a second one ends at once$");
    long start = System.nanoTime();
    Processes.signal("TERM", process);
    processes.assertEnds(process, TERMINATED);
    double seconds = (System.nanoTime() - start) / 1e9;
    assertThat(seconds).isLessThan(20);
    assertThat(processes.log())
        .contains("second signal: ending at once")
        .contains(
            "the last checkpoint is whole: file:"
                + processes.run()
                + "/checkpoints/round-00000003.")
        .contains("to go on: deploy/bin/recall train --resume file:" + processes.run() + "\n");
    assertThat(processes.run().resolve("summary.json")).doesNotExist();
    processes.assertEvaluates();
    Commands.Result again =
        Commands.recall(processes.resume("--without-spark", "--set", "stop.rounds=5"));
    assertThat(again.exitCode()).as(again.err()).isZero();
    System.out.printf("second SIGTERM: exit %d after %.1f s%n", TERMINATED, seconds);
  }

  /** Until it has computed for longer than what comes before the first round. */
  private static void awaitWork(Process process) {
    Duration begun = computed(process);
    await()
        .atMost(Duration.ofSeconds(60))
        .until(() -> computed(process).minus(begun).compareTo(Duration.ofSeconds(1)) > 0);
  }

  private static Duration computed(Process process) {
    return process.info().totalCpuDuration().orElseThrow();
  }

  @Test
  void aSecondSignalEndsAtOnce() throws IOException, InterruptedException {
    secondEndsAtOnce(List.of(), "--without-spark");
  }

  @Test
  @Tag("cluster")
  void aSecondSignalEndsARunOnSparkAtOnce() throws IOException, InterruptedException {
    secondEndsAtOnce(Processes.SPARK);
  }

  /** A master that takes the connection and says nothing. */
  @Test
  @Tag("cluster")
  void whileSparkStartsASignalEndsTheProcess() throws IOException, InterruptedException {
    try (ServerSocket master = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      master.setSoTimeout(60_000);
      String url = "-Dspark.master=spark://127.0.0.1:" + master.getLocalPort();
      Process process =
          processes.start(
              List.of(url, "-Dspark.ui.enabled=false", "-Dspark.driver.host=127.0.0.1"),
              begin(processes.run()));
      try (Socket connected = master.accept()) {
        Processes.signal("TERM", process);
        processes.assertEnds(process, TERMINATED);
        assertThat(connected.isConnected()).isTrue();
      }
    }
    assertThat(processes.log()).doesNotContain("ending after this round");
    assertThat(processes.run()).doesNotExist();
  }

  @Test
  void beforeTrainingASignalEndsTheProcess() throws IOException, InterruptedException {
    Process process = processes.start(List.of(), begin(processes.run(), "--without-spark"));
    Processes.signal("TERM", process);
    processes.assertEnds(process, TERMINATED);
    assertThat(processes.log()).doesNotContain("ending after this round");
    assertThat(processes.run()).doesNotExist();
  }
}
