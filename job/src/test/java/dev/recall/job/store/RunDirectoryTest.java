package dev.recall.job.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.recall.job.RunFiles;
import dev.recall.job.config.Configs;
import dev.recall.job.config.RunConfig;
import dev.recall.job.config.UserError;
import dev.recall.job.train.LocalRounds;
import dev.recall.job.train.ShardPlan;
import dev.recall.job.train.Trainer;
import dev.recall.job.train.TrainingState;
import dev.recall.model.format.Safetensors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RunDirectoryTest {

  private static final Storage STORAGE = new Storage(Map.of());

  private static final Consumer<String> WARNINGS =
      line -> {
        throw new AssertionError("expected no warning, found: " + line);
      };

  @TempDir private Path folder;

  private Path run() {
    return folder.resolve("run");
  }

  private static TrainingState initial(RunConfig config) {
    return TrainingState.initial(
        config, config.initializer().initialize(config.model(), config.seed()));
  }

  private static void train(RunDirectory directory, RunConfig config, TrainingState state)
      throws IOException {
    try (LocalRounds rounds = new LocalRounds(ShardPlan.of(config), 1)) {
      new Trainer(config, List.of(directory)).train(state, rounds);
    }
  }

  private static RunDirectory begun(Path run, RunConfig config, TrainingState state)
      throws IOException {
    RunDirectory directory = RunDirectory.create(STORAGE, run.toString(), config, WARNINGS);
    directory.begin(state, List.of(), "{}");
    return directory;
  }

  private TrainingState newRun(RunConfig config) throws IOException {
    TrainingState state = initial(config);
    train(begun(run(), config, state), config, state);
    return state;
  }

  private TrainingState resumed(RunConfig config) throws IOException {
    RunDirectory directory = RunDirectory.open(STORAGE, run().toString(), config, WARNINGS);
    Checkpoints.Found found = Checkpoints.newest(STORAGE, run().toString());
    TrainingState state = found.restored().state();
    directory.goOn(found, Optional.empty(), "{}");
    train(directory, config, state);
    return state;
  }

  /** A driver that the cluster gave up and that lives on, as after a SIGSTOP. */
  @ParameterizedTest
  @ValueSource(strings = {"stop", "go-on"})
  void ofTwoProcessesTheOneThatCameLastHasTheRun(String onFailure) throws IOException {
    RunConfig config = Configs.small("stop.rounds=8", "checkpoint.on-failure=" + onFailure);
    TrainingState start = initial(config);
    RunDirectory first = begun(run(), config, start);

    RunDirectory second = RunDirectory.open(STORAGE, run().toString(), config, WARNINGS);
    Checkpoints.Found found = Checkpoints.newest(STORAGE, run().toString());
    String process =
        "{\"processes\": [{\"host\": \"node7\", \"started\": \"2026-11-22T01:02:03Z\"}]}";
    second.goOn(found, Optional.empty(), process);
    Map<String, String> before = RunFiles.snapshot(run());

    assertThatThrownBy(() -> train(first, config, start))
        .isInstanceOf(IOException.class)
        .hasMessage(
            run()
                + ": expected run.json as this process wrote it, found that of a process on node7,"
                + " started 2026-11-22T01:02:03Z, which goes on with the run; this one stops");
    assertThatThrownBy(() -> first.writeResult("{}", "{}", "{}")).hasMessageContaining("node7");
    assertThat(RunFiles.snapshot(run())).isEqualTo(before);

    TrainingState state = found.restored().state();
    train(second, config, state);
    assertThat(Checkpoints.newest(STORAGE, run().toString()).restored().now().round()).isEqualTo(8);
  }

  private static List<Integer> roundsUpTo(int last) {
    return IntStream.rangeClosed(1, last).boxed().toList();
  }

  @Test
  void holdsConfigurationCheckpointsAndMetrics() throws IOException {
    RunConfig config = Configs.small("stop.rounds=5");
    newRun(config);
    assertThat(RunFiles.snapshot(run()).keySet())
        .containsExactly(
            "",
            "chain",
            "chain/rounds-00000000-00000000.jsonl",
            "chain/rounds-00000001-00000002.jsonl",
            "chain/rounds-00000003-00000004.jsonl",
            "chain/rounds-00000005-00000005.jsonl",
            "checkpoints",
            "checkpoints/round-00000000.safetensors",
            "checkpoints/round-00000004.safetensors",
            "checkpoints/round-00000005.safetensors",
            "config.conf",
            "metrics",
            "metrics/rounds-00000001-00000002.jsonl",
            "metrics/rounds-00000003-00000004.jsonl",
            "metrics/rounds-00000005-00000005.jsonl",
            "run.json");
    assertThat(RunFiles.text(run().resolve("config.conf"))).isEqualTo(config.text());
    assertThat(RunFiles.text(run().resolve("metrics/rounds-00000003-00000004.jsonl")).lines())
        .satisfiesExactly(
            third ->
                assertThat(third)
                    .matches(
                        "\\{\"round\":3,\"training_loss\":[^,]+,\"gradient_norm\":[^,]+,"
                            + "\"examples\":72,\"seconds\":[^,]+\\}"),
            fourth ->
                assertThat(fourth)
                    .startsWith("{\"round\":4,")
                    .contains("\"validation_loss\":", "\"validation_loss_above_floor\":")
                    .contains("\"recall_mse\":"));
  }

  @ParameterizedTest
  @CsvSource({
    "1, 0, 0 7",
    "3, 0, 0 5 6 7",
    "100, 0, 0 1 2 3 4 5 6 7",
    "1, 3, 0 3 6 7",
    "2, 1, 0 1 2 3 4 5 6 7"
  })
  void keepsAsManyCheckpointsAsToldAndTheFirst(int keep, int every, String rounds)
      throws IOException {
    RunConfig config =
        Configs.small(
            "checkpoint.keep=" + keep,
            "checkpoint.keep-every-rounds=" + every,
            "checkpoint.every-rounds=1",
            "stop.rounds=7");
    newRun(config);
    assertThat(RunFiles.names(run().resolve("checkpoints")))
        .containsExactlyElementsOf(
            Stream.of(rounds.split(" "))
                .map(round -> "round-0000000" + round + ".safetensors")
                .toList());
    assertThat(RunFiles.metricsRounds(run())).isEqualTo(roundsUpTo(7));
  }

  @Test
  void keepsTheCheckpointThatARejectedRoundWouldGoBackTo() throws IOException {
    newRun(
        Configs.small(
            "checkpoint.keep=1",
            "checkpoint.every-rounds=1",
            "training.not-finite.back-rounds=4",
            "stop.rounds=7"));
    assertThat(RunFiles.names(run().resolve("checkpoints")))
        .containsExactly(
            "round-00000000.safetensors",
            "round-00000004.safetensors",
            "round-00000007.safetensors");
  }

  @Test
  void goesOnFromAnOlderCheckpointWithoutGapOrRepetitionInTheMetrics() throws IOException {
    RunConfig config =
        Configs.small("checkpoint.keep=10", "training.local-steps=2", "stop.rounds=9");
    TrainingState uninterrupted = newRun(config);
    for (String lost : List.of("9", "8", "6", "4")) {
      Files.delete(run().resolve("checkpoints/round-0000000" + lost + ".safetensors"));
    }
    TrainingState state = resumed(config);
    assertThat(RunFiles.metricsRounds(run())).isEqualTo(roundsUpTo(9));
    assertThat(Safetensors.sha256(state.parameters()))
        .isEqualTo(Safetensors.sha256(uninterrupted.parameters()));
  }

  @Test
  void goesOnWithOtherIntervalsBetweenCheckpoints() throws IOException {
    newRun(Configs.small("checkpoint.every-rounds=3", "stop.rounds=7"));
    Files.delete(run().resolve("checkpoints/round-00000007.safetensors"));
    resumed(Configs.small("checkpoint.every-rounds=4", "stop.rounds=12"));
    assertThat(RunFiles.names(run().resolve("metrics")))
        .containsExactly(
            "rounds-00000001-00000003.jsonl",
            "rounds-00000004-00000006.jsonl",
            "rounds-00000007-00000008.jsonl",
            "rounds-00000009-00000012.jsonl");
    assertThat(RunFiles.metricsRounds(run())).isEqualTo(roundsUpTo(12));
  }

  /** The start is a checkpoint too: it may come from a file that is gone by then. */
  @Test
  void goesOnFromWhatItStartedFromWhenThereIsNothingElseYet() throws IOException {
    RunConfig config = Configs.small("checkpoint.keep=10");
    float[] parameters = initial(config).parameters();
    parameters[0] = 0.25f;
    TrainingState state = TrainingState.initial(config, parameters);
    train(begun(run(), config, state), config, state);
    for (String later : List.of("2", "4", "6")) {
      Files.delete(run().resolve("checkpoints/round-0000000" + later + ".safetensors"));
    }
    TrainingState again = resumed(config);
    assertThat(RunFiles.metricsRounds(run())).isEqualTo(roundsUpTo(6));
    assertThat(Safetensors.sha256(again.parameters()))
        .isEqualTo(Safetensors.sha256(state.parameters()));
  }

  @Test
  void isMadeOverAnAttemptThatDidNotGetSoFar() throws IOException {
    RunConfig config = Configs.small();
    newRun(config);
    Files.delete(run().resolve("config.conf"));
    newRun(config);
    assertThat(RunFiles.metricsRounds(run())).isEqualTo(roundsUpTo(6));
  }

  @Test
  void isRefusedWithoutACheckpoint() throws IOException {
    RunConfig config = Configs.small();
    newRun(config);
    for (String name : RunFiles.names(run().resolve("checkpoints"))) {
      Files.delete(run().resolve("checkpoints").resolve(name));
    }
    assertThatThrownBy(() -> Checkpoints.newest(STORAGE, run().toString()))
        .isInstanceOf(UserError.class)
        .hasMessage(run() + "/checkpoints: expected a checkpoint, found none");
  }

  @Test
  void goesOnWithoutTheResultOfBefore() throws IOException {
    RunConfig config = Configs.small();
    newRun(config);
    List<Path> result =
        List.of(run().resolve("provenance.intoto.json"), run().resolve("summary.json"));
    for (Path file : result) {
      Files.writeString(file, "{}");
    }
    resumed(config);
    assertThat(result).allSatisfy(file -> assertThat(file).doesNotExist());
  }

  @Test
  void leavesNoChecksumOrUnfinishedFiles() throws IOException {
    RunConfig config = Configs.small();
    newRun(config);
    for (String left :
        List.of(
            ".config.conf.1.tmp",
            "checkpoints/.round-00000008.safetensors.2.tmp",
            "metrics/.rounds-00000007-00000008.jsonl.3.tmp")) {
      Files.writeString(run().resolve(left), "half a fi");
    }
    resumed(config);
    assertThat(RunFiles.snapshot(run()).keySet())
        .noneMatch(name -> name.endsWith(".crc") || name.endsWith(".tmp"));
  }

  @Test
  void isNotMadeWhereThereIsOneOrSomethingElse() throws IOException {
    RunConfig config = Configs.small();
    newRun(config);
    Map<String, String> before = RunFiles.snapshot(folder);
    assertThatThrownBy(() -> RunDirectory.create(STORAGE, run().toString(), config, WARNINGS))
        .isInstanceOf(UserError.class)
        .hasMessage(
            run()
                + ": expected no run there yet, found one; go on with --resume "
                + run()
                + ", or with --or-resume beside --run, or choose another --run");
    String file = run().resolve("config.conf").toString();
    assertThatThrownBy(() -> RunDirectory.create(STORAGE, file, config, WARNINGS))
        .isInstanceOf(UserError.class)
        .hasMessageStartingWith(file + ": expected no run there yet, found ");
    assertThat(RunFiles.snapshot(folder)).isEqualTo(before);
  }

  @Test
  void maySitInAnEmptyFolder() throws IOException {
    Files.createDirectory(run());
    newRun(Configs.small());
    assertThat(run().resolve("config.conf")).exists();
  }

  @Test
  void goesOnFromTheNewestCheckpointThatIsWhole() throws IOException {
    RunConfig config = Configs.small("checkpoint.keep=10");
    TrainingState uninterrupted = newRun(config);
    Path newest = RunFiles.newestCheckpoint(run());
    byte[] whole = RunFiles.bytes(newest);
    byte[] damaged = whole.clone();
    damaged[damaged.length - 1] ^= 1;
    byte[] truncated = Arrays.copyOf(whole, whole.length - 10);
    byte[] older = RunFiles.bytes(run().resolve("checkpoints/round-00000002.safetensors"));
    for (byte[] bytes : List.of(damaged, truncated, new byte[0], "hello world".getBytes(), older)) {
      Files.write(newest, bytes);
      Checkpoints.Found found = Checkpoints.newest(STORAGE, run().toString());
      assertThat(found.restored().now().round()).isEqualTo(4);
      assertThat(found.passedOver())
          .singleElement()
          .satisfies(
              passed ->
                  assertThat(passed.message())
                      .startsWith(newest + ": ")
                      .contains("expected ", ", found "));
      TrainingState state = resumed(config);
      assertThat(Safetensors.sha256(state.parameters()))
          .isEqualTo(Safetensors.sha256(uninterrupted.parameters()));
      assertThat(RunFiles.bytes(newest)).isEqualTo(whole);
      assertThat(RunFiles.metricsRounds(run())).isEqualTo(roundsUpTo(6));
    }
  }

  @Test
  void saysOfEachCheckpointWhatItIsWhenNoneIsWhole() throws IOException {
    newRun(Configs.small());
    List<Path> files =
        RunFiles.names(run().resolve("checkpoints")).stream()
            .map(run().resolve("checkpoints")::resolve)
            .toList();
    for (Path file : files) {
      Files.write(file, new byte[3]);
    }
    Map<String, String> before = RunFiles.snapshot(folder);
    assertThatThrownBy(() -> Checkpoints.newest(STORAGE, run().toString()))
        .isInstanceOf(UserError.class)
        .hasMessageStartingWith(
            run() + "/checkpoints: expected a checkpoint that is whole, found none")
        .satisfies(
            e -> assertThat(files).allMatch(file -> e.getMessage().contains(file + ": not a")));
    assertThat(RunFiles.snapshot(folder)).isEqualTo(before);
  }

  @Test
  void isNotTakenForOneWithoutItsConfiguration() {
    assertThatThrownBy(() -> RunDirectory.configText(STORAGE, folder.toString()))
        .isInstanceOf(UserError.class)
        .hasMessage(folder + ": expected a run directory with config.conf, found none");
  }
}
