package dev.recall.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.recall.job.config.Configs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Saves that fail in the middle, and saves behind the back of the rounds. */
class SavesTest {

  private static final int ROUNDS = 8;

  @TempDir private Path folder;

  @AfterEach
  void letTheDiskWork() {
    FailingFileSystem.failing("").keySet().forEach(SavesTest::clear);
  }

  private static void clear(String key) {
    System.clearProperty("spark.hadoop." + key);
  }

  private Path run() {
    return folder.resolve("run");
  }

  private static List<String> train(Path run, String... settings) {
    List<String> all =
        Configs.smallWith(
            "training.local-steps=2",
            "stop.patience=100000",
            "stop.rounds=" + ROUNDS,
            "report.every-rounds=1");
    all.addAll(List.of(settings));
    return Commands.with(all, "train", "--without-spark", "--run", run.toString());
  }

  private static Commands.Result undisturbed(List<String> args) {
    Commands.Result result = Commands.recall(args);
    assertThat(result.exitCode()).as(result.err()).isZero();
    return result;
  }

  /** Runs a command on a disk that fails by a rule. */
  private Commands.Result disturbed(String rule, List<String> args) {
    Map<String, String> settings = FailingFileSystem.failing(rule);
    settings.forEach((key, value) -> System.setProperty("spark.hadoop." + key, value));
    try {
      return Commands.recall(args);
    } finally {
      settings.keySet().forEach(SavesTest::clear);
    }
  }

  private void assertEndsAsIfNothingHadHappened() {
    Path whole = folder.resolve("whole");
    undisturbed(train(whole));
    for (String figure : List.of("parameters_sha256", "loss", "recall_mse", "rounds", "examples")) {
      assertThat(RunFiles.json(run().resolve("summary.json")).get(figure))
          .as(figure)
          .isEqualTo(RunFiles.json(whole.resolve("summary.json")).get(figure));
    }
    assertThat(RunFiles.metricsRounds(run()))
        .isEqualTo(IntStream.rangeClosed(1, ROUNDS).boxed().toList());
    assertThat(RunFiles.chainHead(run())).isEqualTo(RunFiles.chainHead(whole));
    undisturbed(List.of("verify", run().toString()));
    assertThat(RunFiles.snapshot(run()).keySet())
        .noneMatch(name -> name.endsWith(".tmp") || name.endsWith(".crc"));
  }

  private void assertNewestCheckpoint(int round) {
    assertThat(RunFiles.newestCheckpoint(run()))
        .hasFileName("round-%08d.safetensors".formatted(round));
    undisturbed(List.of("evaluate", run().toString()));
  }

  /** A disk that fails says nothing about the run: not that it is forged, nor to begin anew. */
  @ParameterizedTest
  @ValueSource(strings = {"verify", "evaluate", "train --without-spark --resume"})
  void aDiskThatCannotReadIsNotTheRunsFault(String command) {
    undisturbed(train(run()));
    Map<String, String> before = RunFiles.snapshot(run());
    List<String> args = new ArrayList<>(List.of(command.split(" ")));
    args.add(run().toString());
    Commands.Result result = disturbed("open checkpoints/.*", args);
    assertThat(result.exitCode()).as(result.err()).isEqualTo(1);
    assertThat(result.err())
        .startsWith("failed: file:" + run() + "/checkpoints/round-")
        .endsWith(": cannot be read: it was to fail here\n");
    assertThat(RunFiles.snapshot(run())).isEqualTo(before);
  }

  /** The second save of a run, at each of its steps. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "create metrics/rounds-00000003-00000004.jsonl",
        "write metrics/rounds-00000003-00000004.jsonl",
        "renamed metrics/rounds-00000003-00000004.jsonl",
        "write chain/rounds-00000003-00000004.jsonl",
        "rename chain/rounds-00000003-00000004.jsonl",
        "create checkpoints/round-00000004.safetensors",
        "write checkpoints/round-00000004.safetensors",
        "hsync checkpoints/round-00000004.safetensors",
        "close checkpoints/round-00000004.safetensors",
        "rename checkpoints/round-00000004.safetensors",
        "renamed checkpoints/round-00000004.safetensors",
        "open checkpoints/round-00000004.safetensors"
      })
  void roundsGoOnAfterASaveThatFails(String step) {
    for (String background : List.of("false", "true")) {
      Commands.Result result =
          disturbed(
              step,
              train(
                  folder.resolve("run"),
                  "checkpoint.on-failure=go-on",
                  "checkpoint.background=" + background));
      assertThat(result.exitCode()).as(result.err()).isZero();
      assertThat(result.err().lines().filter(line -> line.contains("failed")))
          .singleElement()
          .asString()
          .startsWith("saving after round 4 failed, training goes on: file:" + run() + "/")
          .endsWith("it was to fail here");
      assertThat(RunFiles.names(run().resolve("chain")))
          .containsExactly(
              "rounds-00000000-00000000.jsonl",
              "rounds-00000001-00000002.jsonl",
              "rounds-00000003-00000006.jsonl",
              "rounds-00000007-00000008.jsonl");
      assertEndsAsIfNothingHadHappened();
      for (String old : List.of("run", "whole")) {
        assertThat(
                folder
                    .resolve(old)
                    .toFile()
                    .renameTo(folder.resolve("old " + old + background).toFile()))
            .isTrue();
      }
    }
  }

  /** The new one is whole: only the old one is still there. */
  @Test
  void roundsGoOnWhenAnOldCheckpointCannotBeRemoved() {
    Commands.Result result =
        disturbed(
            "delete checkpoints/round-00000002.safetensors",
            train(
                run(),
                "checkpoint.on-failure=go-on",
                "checkpoint.keep=1",
                "checkpoint.keep-every-rounds=0"));
    assertThat(result.exitCode()).as(result.err()).isZero();
    assertThat(result.err())
        .contains(
            "saving after round 4 failed, training goes on: file:"
                + run()
                + "/checkpoints/round-00000002.safetensors: cannot be deleted: it was to fail here");
    assertThat(RunFiles.names(run().resolve("chain"))).contains("rounds-00000003-00000004.jsonl");
    assertEndsAsIfNothingHadHappened();
  }

  @ParameterizedTest
  @CsvSource({"false", "true"})
  void theLastSaveHasToBeWritten(String background) {
    Commands.Result result =
        disturbed(
            "write checkpoints/round-00000008.safetensors",
            train(run(), "checkpoint.on-failure=go-on", "checkpoint.background=" + background));
    assertThat(result.exitCode()).as(result.err()).isEqualTo(1);
    assertThat(result.err())
        .contains("saving after round 8 failed, training goes on: ")
        .contains("/checkpoints/round-00000006.safetensors\n")
        .contains("to go on: deploy/bin/recall train --resume file:" + run() + "\n")
        .contains("failed: file:" + run() + ": expected a checkpoint of round 8 at the end");
    assertThat(run().resolve("summary.json")).doesNotExist();
    assertNewestCheckpoint(6);
    undisturbed(List.of("train", "--without-spark", "--resume", run().toString()));
    assertEndsAsIfNothingHadHappened();
  }

  @ParameterizedTest
  @CsvSource({
    "false, write metrics/rounds-00000003-00000004.jsonl, 4",
    "false, write checkpoints/round-00000004.safetensors, 4",
    "false, open checkpoints/round-00000004.safetensors, 4",
    // At the latest when the next is to begin.
    "true, write metrics/rounds-00000003-00000004.jsonl, 6",
    "true, write checkpoints/round-00000004.safetensors, 6"
  })
  void aFailureEndsTheRunUnlessToldToGoOn(String background, String step, int latest) {
    Commands.Result result = disturbed(step, train(run(), "checkpoint.background=" + background));
    assertThat(result.exitCode()).as(result.err()).isEqualTo(1);
    assertThat(result.err())
        .containsPattern("(?m)^failed: file:" + run() + "/.*it was to fail here")
        .containsPattern("(?m)^round 4/")
        .doesNotContainPattern("(?m)^round " + (latest + 1) + "/")
        .contains("the last checkpoint is whole: file:" + run() + "/checkpoints/round-00000002.");
    undisturbed(List.of("evaluate", run().toString()));
    undisturbed(List.of("train", "--without-spark", "--resume", run().toString()));
    assertEndsAsIfNothingHadHappened();
  }

  @Test
  void savesInTheBackgroundWriteTheSame() {
    undisturbed(train(run(), "checkpoint.background=true"));
    assertEndsAsIfNothingHadHappened();
    Path whole = folder.resolve("whole");
    assertThat(RunFiles.snapshot(run()).keySet()).isEqualTo(RunFiles.snapshot(whole).keySet());
    assertThat(RunFiles.snapshot(run().resolve("chain")))
        .isEqualTo(RunFiles.snapshot(whole.resolve("chain")));
    for (String name : RunFiles.names(whole.resolve("checkpoints"))) {
      Map<String, float[]> expected = RunFiles.tensors(whole.resolve("checkpoints").resolve(name));
      Map<String, float[]> found = RunFiles.tensors(run().resolve("checkpoints").resolve(name));
      assertThat(new ArrayList<>(found.keySet())).isEqualTo(new ArrayList<>(expected.keySet()));
      expected.forEach((tensor, values) -> assertThat(found.get(tensor)).isEqualTo(values));
    }
  }

  /** A whole checkpoint whose save failed must not outlive its lines. */
  @Test
  void aKillAfterASaveThatFailedLeavesNoCheckpointWithoutItsLines()
      throws IOException, InterruptedException {
    Map<String, String> settings =
        FailingFileSystem.failing("renamed checkpoints/round-00000004.safetensors");
    settings.putAll(FailingFileSystem.hanging("create metrics/rounds-00000003-00000006.jsonl"));
    List<String> jvmOptions = new ArrayList<>();
    settings.forEach((key, value) -> jvmOptions.add("-Dspark.hadoop." + key + "=" + value));
    try (Processes processes = new Processes(folder)) {
      Process process =
          processes.start(
              jvmOptions,
              train(run(), "checkpoint.on-failure=go-on", "checkpoint.background=true"));
      processes.awaitLine(process, "^round 8/"); // waits for the save of round 6
      Path fourth = run().resolve("checkpoints/round-00000004.safetensors");
      await().atMost(Duration.ofSeconds(30)).until(() -> Files.notExists(fourth));
      process.destroyForcibly();
      assertThat(processes.end(process)).as(processes.log()).isEqualTo(128 + 9);
    }
    assertNewestCheckpoint(2);
    undisturbed(List.of("verify", run().toString()));
    undisturbed(List.of("train", "--without-spark", "--resume", run().toString()));
    assertEndsAsIfNothingHadHappened();
  }

  @Test
  void aKillWhileASaveHangsCostsTheRoundsSinceTheLastCheckpoint()
      throws IOException, InterruptedException {
    List<String> jvmOptions = new ArrayList<>();
    FailingFileSystem.hanging("write checkpoints/round-00000004.safetensors")
        .forEach((key, value) -> jvmOptions.add("-Dspark.hadoop." + key + "=" + value));
    try (Processes processes = new Processes(folder)) {
      Process process = processes.start(jvmOptions, train(run(), "checkpoint.background=true"));
      processes.awaitLine(process, "^round 6/"); // the next save waits
      process.destroyForcibly();
      assertThat(processes.end(process)).as(processes.log()).isEqualTo(128 + 9);
    }
    assertNewestCheckpoint(2);
    undisturbed(List.of("train", "--without-spark", "--resume", run().toString()));
    assertEndsAsIfNothingHadHappened();
  }

  @Test
  void aSaveThatHangsEndsTheRunInTime() throws IOException, InterruptedException {
    List<String> jvmOptions = new ArrayList<>();
    FailingFileSystem.hanging("hsync checkpoints/round-00000004.safetensors")
        .forEach((key, value) -> jvmOptions.add("-Dspark.hadoop." + key + "=" + value));
    try (Processes processes = new Processes(folder)) {
      Process process =
          processes.start(
              jvmOptions, train(run(), "checkpoint.background=true", "wait.storage-seconds=1"));
      assertThat(processes.end(process)).as(processes.log()).isEqualTo(1);
      assertThat(processes.log())
          .contains("round-00000004.safetensors: synchronising: no answer for 1 s")
          .contains("the last checkpoint is whole: file:" + run() + "/checkpoints/round-00000002.");
    }
    undisturbed(List.of("train", "--without-spark", "--resume", run().toString()));
    assertEndsAsIfNothingHadHappened();
  }
}
