package dev.recall.job;

import static dev.recall.job.Commands.recall;
import static dev.recall.job.Commands.with;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import dev.recall.datagen.BatchKey;
import dev.recall.datagen.Purpose;
import dev.recall.datagen.SequenceBatch;
import dev.recall.job.Commands.Result;
import dev.recall.job.config.Configs;
import dev.recall.job.config.ReferenceOrder;
import dev.recall.job.config.RunConfig;
import dev.recall.job.store.Checkpoint;
import dev.recall.job.train.ShardPass;
import dev.recall.job.train.ShardPlan;
import dev.recall.model.GradientSum;
import dev.recall.model.format.Safetensors;
import dev.recall.model.format.TensorFile;
import dev.recall.model.format.TensorFile.Tensor;
import dev.recall.model.recurrent.PlainEngine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class CommandsTest {

  @TempDir private Path folder;

  private Path run() {
    return folder.resolve("run");
  }

  private String path(String name) {
    return folder.resolve(name).toString();
  }

  private static Result trained(Path run, String... assignments) {
    Result result =
        recall(
            with(
                Configs.smallWith(assignments),
                "train",
                "--without-spark",
                "--run",
                run.toString()));
    assertThat(result.exitCode()).as(result.err()).isZero();
    return result;
  }

  private static Result resumed(Path run, String... assignments) {
    return recall(
        with(List.of(assignments), "train", "--without-spark", "--resume", run.toString()));
  }

  private static JsonNode summary(Path run) {
    return RunFiles.json(run.resolve("summary.json"));
  }

  private static String hash(Path run) {
    return summary(run).get("parameters_sha256").textValue();
  }

  private static List<String> keys(JsonNode json) {
    List<String> keys = new ArrayList<>();
    json.fieldNames().forEachRemaining(keys::add);
    return keys;
  }

  private static List<Integer> roundsUpTo(int last) {
    return IntStream.rangeClosed(1, last).boxed().toList();
  }

  @Nested
  class Train {

    @Test
    void writesASummaryThatOthersCanRelyOn() {
      Path file = folder.resolve("summary.json");
      Result result =
          recall(
              with(
                  Configs.smallWith("training.shards=2"),
                  "train",
                  "--without-spark",
                  "--run",
                  run().toString(),
                  "--summary",
                  file.toString()));
      assertThat(result.exitCode()).isZero();
      JsonNode summary = RunFiles.json(file);
      assertThat(keys(summary))
          .containsExactly(
              "parameters_sha256",
              "loss",
              "loss_floor",
              "loss_above_floor",
              "recall_mse",
              "rounds",
              "examples",
              "seconds",
              "useful_share",
              "stopped_because",
              "run_directory");
      assertThat(summary.get("loss_floor").doubleValue()).isEqualTo(4.0 / 6);
      assertThat(summary.get("rounds").intValue()).isEqualTo(6);
      assertThat(summary.get("examples").intValue()).isEqualTo(6 * 2 * 3);
      assertThat(summary.get("useful_share").doubleValue()).isBetween(0.0, 1.0);
      assertThat(summary.get("stopped_because").textValue()).isEqualTo("rounds");
      assertThat(summary.get("run_directory").textValue()).isEqualTo("file:" + run());
      assertThat(summary(run())).isEqualTo(summary);
    }

    @Test
    void givesTheDigestOfTheBlocksInItsCheckpoint() {
      trained(run());
      Path checkpoint = RunFiles.newestCheckpoint(run());
      assertThat(RunFiles.tensors(checkpoint).keySet())
          .startsWith(
              "hid1.xh", "hid1.hh", "hid1.b", "hid1.ci", "hid1.cf", "hid1.co", "out.w", "out.b");
      assertThat(RunFiles.parametersSha256(checkpoint)).isEqualTo(hash(run()));
    }

    @Test
    void saysWhatItFoundWhereItIsAndWhatToDoNext() {
      Result result = trained(run(), "report.every-rounds=3");
      String directory = "file:" + run();
      assertThat(result.out())
          .contains("stopped after round 6: all rounds are done; ")
          .contains("on 6 held-out sequences, ")
          .contains("recall MSE          ")
          .contains("parameters SHA-256  " + hash(run()))
          .contains("run directory       " + directory)
          .contains("next: deploy/bin/recall evaluate " + directory)
          .doesNotContain("--resume");
      assertThat(result.err())
          .contains("training [1, (lstm, 4), 1], 113 parameters, 8 shards x 1 local steps, seed 13")
          .contains("run directory " + directory)
          .containsPattern("round 3/6  loss [\\d.]+  above floor [\\d.-]+  recall MSE [\\d.]+")
          .containsPattern("round 6/6  loss ");
    }

    @Test
    void doesWhatItSaysToDoNext() {
      Result result = trained(run(), "stop.seconds=1e-9");
      assertThat(result.out()).contains("stopped after round 1: the time is up (stop.seconds)");
      List<String> next =
          result
              .out()
              .lines()
              .filter(line -> line.contains("deploy/bin/recall "))
              .map(line -> line.replaceFirst(".*deploy/bin/recall ", ""))
              .toList();
      assertThat(next).containsExactly("evaluate file:" + run(), "train --resume file:" + run());
      assertThat(recall(next.get(0).split(" ")).exitCode()).isZero();
      assertThat(recall((next.get(1) + " --without-spark").split(" ")).exitCode()).isZero();
      assertThat(summary(run()).get("rounds").intValue()).isEqualTo(2);
    }

    @Test
    void runsInAFolderThatIsEmpty() throws IOException {
      Files.createDirectory(run());
      trained(run());
    }

    @Test
    void startsFromGivenBlocks() {
      Path first = folder.resolve("first");
      trained(first, "seed=99");
      Result result =
          recall(
              with(
                  Configs.smallWith("training.optimizer.learning-rate=0", "stop.rounds=1"),
                  "train",
                  "--without-spark",
                  "--run",
                  run().toString(),
                  "--init",
                  RunFiles.newestCheckpoint(first).toString()));
      assertThat(result.exitCode()).as(result.err()).isZero();
      assertThat(hash(run())).isEqualTo(hash(first));
      assertThat(summary(run()).get("examples").intValue()).isEqualTo(8 * 3);
    }

    @ParameterizedTest
    @CsvSource({"training.optimizer.learning-rate=1e30", "training.optimizer.learning-rate=1e39"})
    void endsWith3AndTheLastCheckpointWhenItDiverges(String rate) {
      trained(run(), "training.optimizer.algorithm=sgd", "stop.rounds=2");
      Map<String, String> before = RunFiles.snapshot(run().resolve("checkpoints"));

      Result result =
          recall(
              "train",
              "--without-spark",
              "--resume",
              run().toString(),
              "--allow-changed",
              "--set",
              rate,
              "--set",
              "stop.rounds=50");
      assertThat(result.exitCode()).isEqualTo(3);
      assertThat(result.err())
          .containsPattern(
              "round \\d+, shard 0: expected finite loss, gradient, parameters and optimizer state, found"
                  + " loss .*lower training.optimizer.learning-rate .* or set its clip-norm")
          .contains("the last checkpoint is whole: file:" + RunFiles.newestCheckpoint(run()));
      assertThat(RunFiles.snapshot(run().resolve("checkpoints"))).isEqualTo(before);
      assertThat(recall("evaluate", run().toString()).exitCode()).isZero();
    }
  }

  private static void write(Path file, String text) {
    try {
      Files.writeString(file, text);
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  @Nested
  class Resume {

    /** Everything that has state: two optimizers with momentum, a schedule, early stopping. */
    private final List<String> settings =
        List.of(
            "training.shards=3",
            "training.local-steps=2",
            "training.local-optimizer.decay-rounds=8",
            "training.optimizer.decay-rounds=8",
            "training.optimizer.decay=cosine",
            "stop.patience=50",
            "checkpoint.every-rounds=3");

    private String[] until(int rounds) {
      List<String> all = new ArrayList<>(settings);
      all.add("stop.rounds=" + rounds);
      return all.toArray(new String[0]);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 5, 7})
    void afterAnyRoundEndsInTheSameHashAsTheUninterruptedRun(int round) {
      Path whole = folder.resolve("whole");
      trained(whole, until(8));

      trained(run(), until(round));
      Result result = resumed(run(), "stop.rounds=8");
      assertThat(result.exitCode()).as(result.err()).isZero();
      assertThat(result.err())
          .contains("going on after round " + round + " with [1, (lstm, 4), 1]");

      assertThat(hash(run())).isEqualTo(hash(whole));
      assertThat(RunFiles.parametersSha256(RunFiles.newestCheckpoint(run())))
          .isEqualTo(RunFiles.parametersSha256(RunFiles.newestCheckpoint(whole)));
      for (String figure : List.of("loss", "recall_mse", "rounds", "examples")) {
        assertThat(summary(run()).get(figure)).isEqualTo(summary(whole).get(figure));
      }
      assertThat(RunFiles.metricsRounds(run())).isEqualTo(roundsUpTo(8));
    }

    @ParameterizedTest
    @ValueSource(strings = {"stop.target-loss=5", "stop.target-recall-mse=5"})
    void ofARunThatReachedItsTargetChangesNothingOfTheResult(String target) {
      trained(run(), target, "validation.every-rounds=2");
      assertThat(summary(run()).get("rounds").intValue()).isEqualTo(2);
      String before = hash(run());
      assertThat(resumed(run()).exitCode()).isZero();
      assertThat(hash(run())).isEqualTo(before);
      assertThat(summary(run()).get("rounds").intValue()).isEqualTo(2);
    }

    @Test
    void takesTheSameNumberInAnotherSpelling() {
      trained(run(), "training.optimizer.learning-rate=0.003");
      assertThat(resumed(run(), "training.optimizer.learning-rate=3e-3").exitCode()).isZero();
    }

    @Test
    void ofAFinishedRunChangesNothingOfTheResult() {
      trained(run());
      String before = hash(run());
      Result result = resumed(run());
      assertThat(result.exitCode()).as(result.err()).isZero();
      assertThat(hash(run())).isEqualTo(before);
      assertThat(summary(run()).get("useful_share").isNull()).isTrue();
      assertThat(result.out()).doesNotContain("NaN");
      assertThat(RunFiles.metricsRounds(run())).isEqualTo(roundsUpTo(6));
    }

    @Test
    void remembersLimitsThatWereChanged() {
      trained(run());
      resumed(run(), "stop.rounds=9");
      resumed(run());
      assertThat(summary(run()).get("rounds").intValue()).isEqualTo(9);
    }

    @ParameterizedTest
    @CsvSource({
      "seed=14, seed: the run has 13\\, found 14",
      "task.steps=7, task.steps: the run has 6\\, found 7",
      "training.shards=9, training.shards: the run has 8\\, found 9",
      "training.optimizer.learning-rate=0.1,"
          + " training.optimizer.learning-rate: the run has 0.003\\, found 0.1",
      "validation.every-rounds=1, validation.every-rounds: the run has 2\\, found 1",
      "stop.patience=3, stop.patience: the run has 0\\, found 3"
    })
    void isRefusedWithASettingThatDecidesTheResult(String assignment, String conflict) {
      trained(run());
      Map<String, String> before = RunFiles.snapshot(folder);
      Result result = resumed(run(), assignment);
      assertThat(result.exitCode()).isEqualTo(2);
      assertThat(result.err())
          .startsWith(
              "file:"
                  + run()
                  + ": these settings decide the result and cannot change"
                  + " without --resume and --allow-changed:")
          .contains(conflict.replace("\\", ""));
      assertThat(RunFiles.snapshot(folder)).isEqualTo(before);
    }

    @ParameterizedTest
    @ValueSource(
        strings = {
          "training.optimizer.learning-rate=3e-3",
          "spark.tasks=3",
          "report.every-rounds=1",
          "checkpoint.keep=7",
          "stop.seconds=100"
        })
    void mayChangeWhatHasNoEffectOnTheParameters(String assignment) {
      trained(run());
      assertThat(resumed(run(), assignment, "stop.rounds=7").exitCode()).isZero();
    }
  }

  @Nested
  class OrResume {

    private Result orResumed(String... settings) {
      List<String> args =
          with(
              Configs.smallWith(settings),
              "train",
              "--without-spark",
              "--or-resume",
              "--run",
              run().toString());
      return recall(args);
    }

    /** Each command does one round, as if it were killed after it. */
    @Test
    void theSameCommandAgainAndAgainEndsInTheHashOfOneThatWasNotStopped() {
      Path whole = folder.resolve("whole");
      trained(whole);
      for (int round = 1; round <= 6; round++) {
        Result result = orResumed("stop.seconds=1e-9");
        assertThat(result.exitCode()).as(result.err()).isZero();
        assertThat(summary(run()).get("rounds").intValue()).isEqualTo(round);
        assertThat(result.err().contains("goes on with the run that is there: file:" + run()))
            .isEqualTo(round > 1);
      }
      assertThat(hash(run())).isEqualTo(hash(whole));
      assertThat(RunFiles.metricsRounds(run())).isEqualTo(roundsUpTo(6));
    }

    @Test
    void keepsWhatTheRunChoseWhenItWasToldToChoose() {
      String[] auto = {"training.local-steps=auto", "stop.rounds=1"};
      assertThat(orResumed(auto).exitCode()).isZero();
      String before = hash(run());
      Result again = orResumed(auto);
      assertThat(again.exitCode()).as(again.err()).isZero();
      assertThat(hash(run())).isEqualTo(before);
    }

    @Test
    void refusesSettingsOfAnotherRun() {
      trained(run());
      Map<String, String> before = RunFiles.snapshot(run());
      Result result = orResumed("seed=14");
      assertThat(result.exitCode()).isEqualTo(2);
      assertThat(result.err()).contains("seed: the run has 13, found 14");
      assertThat(RunFiles.snapshot(run())).isEqualTo(before);
    }
  }

  @Nested
  class AutoLocalSteps {

    private final Pattern chosen =
        Pattern.compile("training\\.local-steps = auto: (\\d+), with (\\d+) rounds for .*");

    private Path config() {
      return run().resolve("config.conf");
    }

    /** 6 rounds of the default number of local steps, 32, in rounds of another size. */
    @Test
    void areChosenOnceAndWrittenIntoTheRun() {
      Result result =
          trained(run(), "training.local-steps=auto", "stop.rounds=1", "stop.patience=100");
      List<String> remarks =
          RunFiles.text(config()).lines().takeWhile(line -> line.startsWith("# ")).toList();
      assertThat(remarks).hasSize(2);
      assertThat(remarks.get(1)).startsWith("# calibration, threads, us: batch ");
      assertThat(result.err().lines()).contains(remarks.get(0).substring(2));
      Matcher choice = chosen.matcher(remarks.get(0).substring(2));
      assertThat(choice.matches()).isTrue();
      int steps = Integer.parseInt(choice.group(1));
      int rounds = Integer.parseInt(choice.group(2));
      assertThat(Integer.bitCount(steps)).isEqualTo(1);
      assertThat(rounds).isEqualTo((640 + steps - 1) / steps);
      assertThat(RunFiles.text(config()))
          .contains("\ntraining.local-steps = " + steps + "\n")
          .contains("\nstop.rounds = " + rounds + "\n")
          .contains("\ntraining.optimizer.decay-rounds = " + rounds + "\n");
      assertThat(summary(run()).get("rounds").intValue()).isEqualTo(rounds);
      assertThat(summary(run()).get("examples").intValue()).isEqualTo(rounds * 8 * steps * 3);

      // The run that these numbers describe, and one that goes on with them.
      Path again = folder.resolve("again");
      assertThat(
              recall(
                      "train",
                      "--without-spark",
                      "--run",
                      again.toString(),
                      "--config",
                      config().toString())
                  .exitCode())
          .isZero();
      assertThat(hash(again)).isEqualTo(hash(run()));
      Result more = resumed(run(), "stop.rounds=" + (rounds + 2));
      assertThat(more.exitCode()).as(more.err()).isZero();
      assertThat(more.err()).doesNotContain("calibration").contains(" x " + steps + " local steps");
      assertThat(RunFiles.text(config()))
          .startsWith(String.join("\n", remarks) + "\n")
          .contains("\ntraining.local-steps = " + steps + "\n")
          .contains("\nstop.rounds = " + (rounds + 2) + "\n");
    }

    @Test
    void areNotChosenAgain() {
      trained(run());
      Result result = resumed(run(), "training.local-steps=auto");
      assertThat(result.exitCode()).isEqualTo(2);
      assertThat(result.err()).contains("training.local-steps: the run has 1, found \"auto\"");
    }

    @Test
    void haveNoBatchesBeforeTheyAreChosen() {
      Result result =
          recall("generate", "--set", "training.local-steps=auto", "--output", path("batch"));
      assertThat(result.exitCode()).isEqualTo(2);
      assertThat(result.err()).contains("training.local-steps: expected a number, found auto; ");
    }
  }

  @Nested
  class Plan {

    private Result planned(String... options) {
      List<String> args = with(Configs.smallWith("training.local-steps=4"), "plan");
      args.addAll(List.of("--without-spark", "--seconds", "0.02"));
      args.addAll(List.of(options));
      Result result = recall(args);
      assertThat(result.exitCode()).as(result.err()).isZero();
      return result;
    }

    private JsonNode json(String... options) {
      List<String> all = new ArrayList<>(List.of(options));
      all.add("--json");
      Path file = folder.resolve("plan.json");
      write(file, planned(all.toArray(new String[0])).out());
      return RunFiles.json(file);
    }

    @Test
    void saysWhatARoundAndARunWillTake() {
      assertThat(planned("--cores", "2").out())
          .startsWith(
              "[1, (lstm, 4), 1], 113 parameters, 8 shards x 4 local steps, batch 3, 6 rounds")
          .contains("2 cores in the driver, 2 tasks")
          .containsPattern("gradient +[\\d.]+ us")
          .containsPattern("empty round +[\\d.]+ ms  stored, of local")
          .containsPattern("round +[\\d.]+ ms  of it [\\d.]+ ms work of the busiest core")
          .containsPattern("examples/s +[\\d,]+")
          .containsPattern("run +[\\d.]+ s")
          .containsPattern("useful share +\\d+ %")
          .containsPattern("training\\.local-steps=auto would take \\d+ local steps, \\d+ rounds")
          .doesNotContain("transfer");
    }

    @Test
    void asksForExecutorsThatAreNotThere() {
      assertThat(planned("--executors", "4", "--cores", "1").out())
          .contains("4 executors of 1 cores, 4 tasks")
          .containsPattern("transfer +[\\d.]+ ms  [\\d,]+ bytes a round at 100 MB/s");
      JsonNode plan = json("--executors", "4", "--cores", "1", "--network-rate", "1");
      // Parameters, two means and the velocity, 113 floats each, to 4 executors and from 4 tasks.
      assertThat(plan.get("bytes").intValue()).isEqualTo(4 * 4 * 113 * (4 + 4));
      assertThat(plan.get("transfer_seconds").doubleValue())
          .isEqualTo(4 * 4 * 113 * 8 / 1e6, within(1e-12));
      assertThat(plan.get("tasks").intValue()).isEqualTo(4);
    }

    @Test
    void givesItsFiguresAsJson() {
      JsonNode plan = json("--cores", "2");
      assertThat(keys(plan))
          .containsExactly(
              "executors",
              "cores",
              "shards",
              "local_steps",
              "rounds",
              "batch_size",
              "tasks",
              "batch_seconds",
              "gradient_seconds",
              "local_step_seconds",
              "driver_seconds",
              "empty_round_seconds",
              "empty_round_source",
              "bytes",
              "transfer_seconds",
              "work_seconds",
              "round_seconds",
              "examples_per_second",
              "seconds",
              "useful_share",
              "auto_local_steps",
              "auto_rounds",
              "auto_useful_share");
      assertThat(plan.get("seconds").doubleValue())
          .isEqualTo(6 * plan.get("round_seconds").doubleValue(), within(1e-9));
      assertThat(plan.get("useful_share").doubleValue()).isBetween(0.0, 1.0);
    }

    @Test
    void plansWhatAutoWouldTake() {
      JsonNode plan = json("--set", "training.local-steps=auto");
      assertThat(plan.get("local_steps")).isEqualTo(plan.get("auto_local_steps"));
      assertThat(plan.get("rounds")).isEqualTo(plan.get("auto_rounds"));
    }

    @ParameterizedTest
    @CsvSource(
        delimiter = '|',
        value = {
          "--executors=-1   | --executors: expected a number of at least 0, found -1.0",
          "--cores=0        | --cores: expected at least 1, found 0.0",
          "--network-rate=0 | --network-rate: expected a number above 0, found 0.0"
        })
    void refusesNumbersThatCannotBe(String option, String message) {
      Result result = recall("plan", "--without-spark", option);
      assertThat(result.exitCode()).isEqualTo(2);
      assertThat(result.err()).isEqualToIgnoringNewLines(message);
    }
  }

  @Nested
  class Evaluate {

    @Test
    void givesTheFiguresOfTheRun() {
      trained(run());
      Path file = folder.resolve("again.json");
      Result result = recall("evaluate", run().toString(), "--summary", file.toString());
      assertThat(result.exitCode()).as(result.err()).isZero();
      JsonNode again = RunFiles.json(file);
      for (String figure :
          List.of(
              "parameters_sha256",
              "loss",
              "loss_floor",
              "loss_above_floor",
              "recall_mse",
              "rounds")) {
        assertThat(again.get(figure)).as(figure).isEqualTo(summary(run()).get(figure));
      }
      assertThat(keys(again))
          .containsExactly(
              "parameters_sha256",
              "loss",
              "loss_floor",
              "loss_above_floor",
              "recall_mse",
              "rounds",
              "examples",
              "seconds",
              "useful_share",
              "run_directory");
      assertThat(result.out()).contains("parameters SHA-256  " + hash(run()));
    }

    @Test
    void readsACheckpointByItself() {
      trained(run());
      Path file = folder.resolve("again.json");
      String checkpoint = RunFiles.newestCheckpoint(run()).toString();
      assertThat(recall("evaluate", checkpoint, "--summary", file.toString()).exitCode()).isZero();
      assertThat(RunFiles.json(file).get("loss")).isEqualTo(summary(run()).get("loss"));
      assertThat(RunFiles.json(file).get("run_directory").isNull()).isTrue();
    }

    @ParameterizedTest
    @ValueSource(strings = {"all", "recall"})
    void scoresAGivenBatchAndWritesTheOutputs(String targets) {
      trained(run(), "task.targets=" + targets);
      String data = path("batch.safetensors");
      String outputs = path("outputs.safetensors");
      String summary = path("summary.json");
      List<String> settings = Configs.smallWith("task.targets=" + targets);
      assertThat(
              recall(with(settings, "generate", "--purpose", "test", "--output", data)).exitCode())
          .isZero();
      Result result =
          recall(
              "evaluate",
              run().toString(),
              "--data",
              data,
              "--outputs",
              outputs,
              "--summary",
              summary);
      assertThat(result.exitCode()).as(result.err()).isZero();

      assertThat(RunFiles.shape(Path.of(outputs), "outputs")).isEqualTo("6,3,1");
      float[] predicted = RunFiles.tensors(Path.of(outputs)).get("outputs");
      Map<String, float[]> batch = RunFiles.tensors(Path.of(data));
      double loss = 0;
      double weight = 0;
      double recall = 0;
      for (int i = 0; i < predicted.length; i++) {
        double error = (double) predicted[i] - batch.get("targets")[i];
        loss += batch.get("weights")[i] * error * error;
        weight += batch.get("weights")[i];
        recall += i >= 4 * 3 ? error * error : 0;
      }
      // The same doubles added in the same order.
      JsonNode figures = RunFiles.json(Path.of(summary));
      assertThat(figures.get("loss").doubleValue()).isEqualTo(loss / weight, within(1e-15));
      assertThat(figures.get("recall_mse").doubleValue()).isEqualTo(recall / 6, within(1e-15));
      assertThat(figures.get("examples").intValue()).isEqualTo(3);
      assertThat(result.out()).contains(" on 3 given sequences, ");
    }

    @Test
    void saysThatItsOwnSequencesAreHeldOut() {
      trained(run());
      assertThat(recall("evaluate", run().toString()).out()).contains(" on 6 held-out sequences, ");
    }

    /** A batch of two sequences of six steps, with one value put in. */
    private Path batchWith(String tensor, int index, float value) {
      List<Integer> shape = List.of(6, 2, 1);
      List<Tensor> tensors = new ArrayList<>();
      for (String name : List.of("inputs", "targets", "weights")) {
        float[] values = new float[12];
        Arrays.fill(values, name.equals("weights") ? 1 : 0.5f);
        if (name.equals(tensor)) {
          values[index] = value;
        }
        tensors.add(new Tensor(name, shape, values));
      }
      return written("batch.safetensors", tensors);
    }

    private Path written(String name, List<Tensor> tensors) {
      Path file = folder.resolve(name);
      try {
        return Files.write(file, Safetensors.encode(new TensorFile(Map.of(), tensors)));
      } catch (IOException e) {
        throw new java.io.UncheckedIOException(e);
      }
    }

    private void assertEnds(int exitCode, String message, String... args) {
      Map<String, String> before = RunFiles.snapshot(folder);
      Result result = recall(args);
      assertThat(result.err()).contains(message);
      assertThat(result.exitCode()).isEqualTo(exitCode);
      assertThat(result.out()).isEmpty();
      assertThat(RunFiles.snapshot(folder)).isEqualTo(before);
    }

    @ParameterizedTest
    @CsvSource(
        delimiter = '|',
        value = {
          "inputs  | 5  | NaN       | finite inputs, found NaN at [2, 1, 0]",
          "targets | 11 | -Infinity | finite targets, found -Infinity at [5, 1, 0]",
          "weights | 0  | Infinity  | finite weights, found Infinity at [0, 0, 0]",
          "weights | 8  | -1        | weights of at least 0, found -1.0 at [4, 0, 0]"
        })
    void refusesABatchWithAValueThatCannotBeScored(
        String tensor, int index, float value, String message) {
      trained(run());
      Path data = batchWith(tensor, index, value);
      assertEnds(
          2,
          data + ": expected " + message,
          "evaluate",
          run().toString(),
          "--data",
          data.toString(),
          "--outputs",
          path("outputs"));
    }

    @Test
    void refusesABatchWithoutWeight() {
      trained(run());
      List<Tensor> tensors = new ArrayList<>();
      for (String name : List.of("inputs", "targets", "weights")) {
        tensors.add(new Tensor(name, List.of(6, 2, 1), new float[12]));
      }
      Path data = written("batch.safetensors", tensors);
      assertEnds(
          2,
          data + ": expected weights with a sum above 0, found zeros only",
          "evaluate",
          run().toString(),
          "--data",
          data.toString());
    }

    @Test
    void endsWith3WhenTheNetworksOutputsAreNotFinite() {
      trained(run());
      List<Tensor> blocks = new ArrayList<>();
      Path checkpoint = RunFiles.newestCheckpoint(run());
      for (Tensor block : Checkpoint.tensors("", RunFiles.bytes(checkpoint)).tensors()) {
        float[] values = block.values().clone();
        if (block.name().equals("out.w")) {
          Arrays.fill(values, Float.MAX_VALUE);
        }
        if (block.name().equals("hid1.b")) {
          Arrays.fill(values, 10); // open gates
        }
        blocks.add(new Tensor(block.name(), block.shape(), values));
      }
      String model = written("model.safetensors", blocks).toString();
      String data = batchWith("none", 0, 0).toString();
      Path settings = folder.resolve("small.conf");
      write(settings, Configs.small().text());
      assertEnds(
          3,
          model + ": expected finite outputs of the network on the held-out batches, found loss ",
          "evaluate",
          model,
          "--config",
          settings.toString());
      assertEnds(
          3,
          model + ": expected finite outputs of the network on " + data + ", found loss ",
          "evaluate",
          model,
          "--config",
          settings.toString(),
          "--data",
          data,
          "--outputs",
          path("outputs"),
          "--summary",
          path("summary"));
    }

    @Test
    void refusesATargetFileThatCannotBe() {
      trained(run());
      assertEnds(
          2,
          ": expected a file, found a directory",
          "evaluate",
          run().toString(),
          "--summary",
          run().toString());
    }
  }

  @Nested
  class Generate {

    @Test
    void writesWhatExecutorsTrainOn() {
      Path file = folder.resolve("batch.safetensors");
      Result result =
          recall(
              with(
                  Configs.smallWith(),
                  "generate",
                  "--round",
                  "3",
                  "--shard",
                  "2",
                  "--step",
                  "0",
                  "--output",
                  file.toString()));
      assertThat(result.exitCode()).as(result.err()).isZero();
      assertThat(result.out())
          .isEqualToIgnoringNewLines(
              "wrote inputs [6, 3, 1], targets and weights [6, 3, 1] to " + file);

      RunConfig config = Configs.small();
      Map<String, float[]> tensors = RunFiles.tensors(file);
      SequenceBatch batch = config.task().newBatch();
      System.arraycopy(tensors.get("inputs"), 0, batch.inputs(), 0, batch.inputs().length);
      System.arraycopy(tensors.get("targets"), 0, batch.targets(), 0, batch.targets().length);
      System.arraycopy(tensors.get("weights"), 0, batch.weights(), 0, batch.weights().length);
      float[] parameters = config.initializer().initialize(config.model(), config.seed());
      GradientSum ofTheFile = new GradientSum(parameters.length);
      new PlainEngine(config.model()).lossAndGradient(parameters, batch, ofTheFile);

      GradientSum ofTheShard =
          new ShardPass(ShardPlan.of(config)).run(parameters, new float[0][], 3, 2);
      assertThat(ofTheFile.vector()).isEqualTo(ofTheShard.vector());
      assertThat(ofTheFile.loss()).isEqualTo(ofTheShard.loss());
    }

    @ParameterizedTest
    @CsvSource({
      "training, TRAINING, 9, 7, 5",
      "validation, VALIDATION, 9, 1, 0",
      "test, TEST, 0, 1, 0"
    })
    void writesTheBatchOfEveryPurposeSeedRoundShardAndStep(
        String name, Purpose purpose, int round, int shard, int step) {
      Path file = folder.resolve("batch.safetensors");
      List<String> args =
          with(
              Configs.smallWith("training.local-steps=6"),
              "generate",
              "--output",
              file.toString(),
              "--seed",
              "-5");
      args.addAll(List.of(("--purpose " + name + " --round " + round).split(" ")));
      args.addAll(List.of(("--shard " + shard + " --step " + step).split(" ")));
      Result result = recall(args);
      assertThat(result.exitCode()).as(result.err()).isZero();
      RunConfig config = Configs.small();
      SequenceBatch batch = config.task().newBatch();
      config.task().generate(new BatchKey(-5, purpose, round, shard, step), batch);
      assertThat(RunFiles.tensors(file).get("inputs")).isEqualTo(batch.inputs());
      assertThat(RunFiles.tensors(file).get("targets")).isEqualTo(batch.targets());
      assertThat(RunFiles.tensors(file).get("weights")).isEqualTo(batch.weights());
    }

    @ParameterizedTest
    @CsvSource(
        delimiter = '|',
        value = {
          "training --shard 8   | --shard: expected in [0, 7] (training.shards is 8), found 8",
          "training --step 6    | --step: expected in [0, 5] (training.local-steps is 6), found 6",
          "validation --shard 2 | --shard: expected in [0, 1] (validation.batches is 2), found 2",
          "validation --step 1  | --step: expected in [0, 0] (validation has one step), found 1",
          "test --shard 3       | --shard: expected in [0, 2] (evaluation.batches is 3), found 3",
          "test --step 4        | --step: expected in [0, 0] (test has one step), found 4",
          "test --round 1       | --round: expected in [0, 0] (test has one round), found 1"
        })
    void refusesABatchThatTheRunDoesNotUse(String address, String message) {
      Path file = folder.resolve("batch.safetensors");
      List<String> args =
          with(
              Configs.smallWith("training.local-steps=6", "evaluation.batches=3"),
              "generate",
              "--output",
              file.toString());
      args.addAll(List.of(("--purpose " + address).split(" ")));
      Result result = recall(args);
      assertThat(result.exitCode()).isEqualTo(2);
      assertThat(result.err()).isEqualToIgnoringNewLines(message);
      assertThat(file).doesNotExist();
    }
  }

  @Nested
  class Config {

    @Test
    void printsEverySettingWithItsOrigin() {
      Result result = recall("config", "--set", "stop.rounds=7");
      assertThat(result.exitCode()).isZero();
      assertThat(result.out().lines().filter(line -> !line.isEmpty()))
          .hasSameSizeAs(Configs.of().settings())
          .anyMatch(line -> line.matches("stop\\.rounds = 7 +# --set stop\\.rounds=7"))
          .anyMatch(line -> line.matches("seed = 13 +# reference\\.conf:\\d+"));
    }

    @Test
    void printsSettingsAsReferenceConfExplainsThem() {
      List<String> lines =
          recall("config").out().lines().map(line -> line.replaceFirst(" = .*", "")).toList();
      assertThat(lines.stream().filter(line -> !line.isEmpty()))
          .containsExactlyElementsOf(ReferenceOrder.keys());
      assertThat(lines)
          .startsWith("seed", "", "task.kind")
          .containsSequence("training.local-optimizer.clip-element", "", "validation.every-rounds")
          .containsSequence("training.optimizer.clip-element", "training.local-optimizer.algorithm")
          .endsWith(
              "report.every-rounds",
              "",
              "wait.cluster-seconds",
              "wait.executors-seconds",
              "wait.round-seconds",
              "wait.storage-seconds",
              "",
              "spark.tasks",
              "spark.min-executors",
              "spark.merge");
    }

    @Test
    void printsWhatItReadsBack() {
      Path file = folder.resolve("my.conf");
      write(file, recall("config", "--set", "stop.rounds=7").out());
      Result again = recall("config", "--config", file.toString());
      assertThat(again.err()).isEmpty();
      assertThat(again.out()).contains("stop.rounds = 7").contains("# " + file + ":");
    }
  }

  @Nested
  class Help {

    @Test
    void namesTheVerbsAndTheExitCodes() {
      Result result = recall("--help");
      assertThat(result.exitCode()).isZero();
      assertThat(result.err()).isEmpty();
      assertThat(result.out())
          .startsWith("Usage: recall [-hV] COMMAND")
          .containsPattern("  train +Trains a model, or goes on with a run\\.")
          .containsPattern("  plan +Predicts time, examples/s and useful share of a run")
          .containsPattern(
              "  evaluate +Measures a model on held-out batches, or on a given batch\\.")
          .containsPattern("  generate +Writes the batch of a given seed, round, shard and step")
          .containsPattern("  config +Prints every setting with its value and where it was set")
          .contains("Exit codes: 0 done, 1 cluster or storage failed, 2 something given is wrong,")
          .containsPattern("  verify +Holds a run to what it says")
          .contains(
              "3 loss, gradient or outputs not finite, 4 verify: the run is not what it says,")
          .contains("130 and 143 ended by SIGINT or SIGTERM, after a checkpoint.");
    }

    @ParameterizedTest
    @CsvSource({
      "train, --config --set --run --resume --allow-changed --from --init --summary --without-spark",
      "plan, --config --set --executors --cores --network-rate --seconds --without-spark --json",
      "evaluate, MODEL --config --set --data --outputs --summary",
      "export, MODEL --registry --name --model-version --config --set --format --layout --out --overwrite",
      "predict, --run --registry --name --model-version --in --input-format --input-option --out --format --output-option --overwrite --sequence-column --prediction-column --last --drop-sequences --on-bad --summary",
      "verify, RUN --rounds --sample-seed --threads",
      "generate, --config --set --seed --purpose --round --shard --step --output",
      "config, --config --set"
    })
    void ofEachVerbNamesItsOptions(String verb, String options) {
      Result result = recall(verb, "--help");
      assertThat(result.exitCode()).isZero();
      assertThat(result.err()).isEmpty();
      assertThat(result.out())
          .startsWith("Usage: recall " + verb + " ")
          .contains(options.split(" "));
      assertThat(recall("help", verb).out()).isEqualTo(result.out());
      assertThat(recall(verb, "--version").out()).startsWith("recall ");
    }

    @Test
    void isPrintedWhenNothingIsAsked() {
      Result result = recall();
      assertThat(result.exitCode()).isEqualTo(2);
      assertThat(result.out()).startsWith("Usage: recall ");
    }
  }

  @Nested
  class BadInput {

    private void assertRefused(List<String> args, String... parts) {
      Map<String, String> before = RunFiles.snapshot(folder);
      Result result = recall(args);
      assertThat(result.exitCode()).as("%s: %s", args, result.err()).isEqualTo(2);
      assertThat(result.err()).contains(parts);
      assertThat(result.out()).isEmpty();
      assertThat(RunFiles.snapshot(folder)).isEqualTo(before);
    }

    private List<String> train(String... options) {
      List<String> args = new ArrayList<>(List.of("train", "--without-spark"));
      args.addAll(List.of(options));
      if (!args.contains("--run") && !args.contains("--resume")) {
        args.addAll(List.of("--run", run().toString()));
      }
      return args;
    }

    @ParameterizedTest
    @CsvSource(
        delimiter = '|',
        textBlock =
            """
            task.stpes=3 | --set task.stpes=3: unknown key task.stpes; the nearest is task.steps
            task.steps=many | --set task.steps=many: task.steps: expected a whole number, found "many"
            task.remember=21 | --set task.remember=21: task.remember: expected in [1, 20], found 21
            training.shards=0 | --set training.shards=0: training.shards: expected a whole number from 1 to 1000000, found 0
            training.optimizer.learning-rate=-1 | --set training.optimizer.learning-rate=-1: training.optimizer.learning-rate: expected a number of at least 0, found -1
            """)
    void inASettingIsRefused(String assignment, String message) {
      assertRefused(train("--set", assignment), message);
      assertRefused(
          List.of("generate", "--output", path("batch.safetensors"), "--set", assignment), message);
      assertRefused(List.of("config", "--set", assignment), message);
    }

    @Test
    void inAFileIsRefusedWithFileAndLine() {
      write(folder.resolve("my.conf"), "seed = 1\n\ntask { steps = 2, remember = 3 }\n");
      assertRefused(
          train("--config", path("my.conf")),
          path("my.conf") + ":3: task.remember: expected in [1, 2], found 3");
    }

    @Test
    void inAPathIsRefused() throws IOException {
      Files.createDirectory(folder.resolve("folder"));
      String missing = path("missing");
      String nothing = missing + ": expected a file, found nothing";
      assertRefused(train("--config", missing), nothing);
      assertRefused(train("--init", missing), nothing);
      assertRefused(List.of("evaluate", missing), nothing);
      assertRefused(
          train("--config", path("folder")),
          "/folder/: expected a file of at most 1 MiB, found a directory");
      assertRefused(
          train("--init", path("folder")),
          path("folder") + ": expected a file of at most 1 GiB, found a directory");
      assertRefused(
          train("--config", "nowhere://host/my.conf"),
          "nowhere://host/my.conf: No FileSystem for scheme \"nowhere\"");
      assertRefused(
          train("--run", "nowhere://host/run"),
          "nowhere://host/run: No FileSystem for scheme \"nowhere\"");
      assertRefused(train("--init", "a:b"), "a:b: expected a path, ");
    }

    @Test
    void inTheRunDirectoryIsRefused() throws IOException {
      trained(run());
      assertRefused(
          train("--run", run().toString()),
          run() + ": expected no run there yet, found one; go on with --resume");
      assertRefused(
          train("--resume", path("missing")),
          path("missing") + ": expected a run directory with config.conf, found none");
      assertRefused(
          train("--resume", run().toString(), "--init", "x"),
          "--resume: expected neither --run nor --from beside it");
      assertRefused(
          List.of("train", "--or-resume"), "--or-resume: expected --run beside it, found none");
      Files.createDirectory(folder.resolve("folder"));
      assertRefused(
          List.of("evaluate", path("folder")),
          "/folder/checkpoints: expected a checkpoint, found none");
      assertRefused(
          train("--run", run().resolve("config.conf").resolve("below").toString()),
          "config.conf/below/config.conf: expected directories above, found the file ");
      assertRefused(
          List.of("generate", "--output", run().resolve("config.conf/batch").toString()),
          "config.conf/batch: expected directories above, found the file ");
      assertRefused(
          List.of("generate", "--output", path("folder")),
          "/folder: expected a file, found a directory");
      assertRefused(
          train("--run", path("new"), "--summary", path("folder")),
          "/folder/: expected a file, found a directory");
    }

    @Test
    void inACheckpointIsRefused() throws IOException {
      trained(run());
      Path checkpoint = RunFiles.newestCheckpoint(run());
      byte[] whole = RunFiles.bytes(checkpoint);
      byte[] flipped = whole.clone();
      flipped[flipped.length - 9] ^= 4;
      byte[] foreign =
          "\211PNG and so on, and so on".getBytes(java.nio.charset.StandardCharsets.ISO_8859_1);
      for (byte[] bytes : List.of(flipped, Arrays.copyOf(whole, 100), foreign, new byte[0])) {
        Files.write(checkpoint, bytes);
        String message = checkpoint + ": not a whole safetensors file: expected ";
        assertRefused(train("--init", checkpoint.toString()), message, ", found ");
        Result older = recall("evaluate", run().toString());
        assertThat(older.exitCode()).isZero();
        assertThat(older.err()).contains(message).contains(", found ");
        assertRefused(List.of("evaluate", checkpoint.toString()), message, ", found ");
      }
      Files.write(checkpoint, whole);
      assertThat(resumed(run(), "stop.rounds=7").exitCode()).isZero();
      Files.write(RunFiles.newestCheckpoint(run()), foreign);
      Result passedOver = resumed(run(), "stop.rounds=8");
      assertThat(passedOver.exitCode()).isZero();
      assertThat(passedOver.err())
          .contains("passed over: ", "round-00000007.safetensors: not a whole safetensors file: ")
          .contains("going on after round 6 ");
    }

    @Test
    void inTheFirstCheckpointDoesNotMatterToTheNewest() throws IOException {
      trained(run());
      Files.write(run().resolve("checkpoints/round-00000000.safetensors"), new byte[9]);
      Files.write(run().resolve("run.json"), new byte[9]);
      assertThat(resumed(run(), "stop.rounds=7").exitCode()).isZero();
      Result verified = recall("verify", run().toString());
      assertThat(verified.exitCode()).isEqualTo(4);
      assertThat(verified.err()).contains("not verified: checkpoint of round 0: ");
    }

    @Test
    void inAnArchitectureIsRefused() throws IOException {
      trained(run());
      Path other = folder.resolve("other");
      trained(other, "model.layers=[1, (lstm, 5), 1]", "stop.rounds=9");
      String checkpoint = RunFiles.newestCheckpoint(other).toString();
      assertRefused(
          with(
              Configs.smallWith(),
              "train",
              "--without-spark",
              "--run",
              path("new"),
              "--init",
              checkpoint),
          checkpoint + ": not the parameters of this model: expected hid1.xh [1, 16]",
          ", found [1, 20]");
      assertRefused(
          List.of("evaluate", run().toString(), "--set", "model.layers=[1, (lstm, 3), 1]"),
          ": not the parameters of this model: expected hid1.xh [1, 12]",
          ", found [1, 16]");
      Files.copy(
          RunFiles.newestCheckpoint(other),
          run().resolve("checkpoints/round-00000009.safetensors"));
      assertRefused(
          train("--resume", run().toString()),
          "config.conf:",
          "model.layers: the run has [1, (lstm, 5), 1], found [1, (lstm, 4), 1]");
      assertRefused(
          train("--resume", run().toString(), "--allow-changed", "--set", "stop.rounds=12"),
          "model: expected the network of the run, ",
          ", which cannot change, found ");
    }

    @Test
    void inABatchIsRefused() {
      trained(run());
      String data = path("batch.safetensors");
      assertThat(
              recall(
                      with(
                          Configs.smallWith("task.features=2", "model.layers=[2, (lstm, 4), 2]"),
                          "generate",
                          "--output",
                          data))
                  .exitCode())
          .isZero();
      assertRefused(
          List.of("evaluate", run().toString(), "--data", data),
          data + ": expected inputs of shape [steps, batch, 1], found [6, 3, 2]");
      String checkpoint = RunFiles.newestCheckpoint(run()).toString();
      assertRefused(
          List.of("evaluate", run().toString(), "--data", checkpoint),
          checkpoint + ": expected a tensor inputs, found [hid1.xh, ");
      assertRefused(
          List.of("evaluate", run().toString(), "--outputs", path("out")),
          "--outputs: expected --data beside it, found none");
    }

    @Test
    void inABatchsAddressIsRefused() {
      String out = path("batch.safetensors");
      assertRefused(
          List.of("generate", "--output", out, "--purpose", "training "),
          "--purpose: expected training, validation or test, found training ");
      assertRefused(
          List.of("generate", "--output", out, "--purpose", "initialization"),
          "--purpose: expected training, validation or test, found initialization");
      assertRefused(
          List.of("generate", "--output", out, "--round", "-1"),
          "--round, --shard, --step: round: expected in [0, 268435455], found -1");
      assertRefused(
          List.of("generate", "--output", out, "--step", "-1"),
          "--round, --shard, --step: step: expected at least 0, found -1");
    }

    @Test
    void onTheCommandLineIsRefusedWithTheNearestWord() {
      assertRefused(
          List.of("trian"),
          "Unmatched argument at index 0: 'trian'",
          "Did you mean: recall plan or recall train or recall verify?");
      assertRefused(
          train("--without-sprak"),
          "Unknown option: '--without-sprak'",
          "Possible solutions: --without-spark");
      assertRefused(List.of("generate"), "Missing required option: '--output=FILE'");
      assertRefused(List.of("evaluate"), "Missing required parameter: 'MODEL'");
      assertRefused(
          List.of("generate", "--output", path("x"), "--round", "two"),
          "Invalid value for option '--round': 'two' is not an int");
      assertRefused(
          List.of("train", "--set"), "Missing required parameter for option '--set' (KEY=VALUE)");
    }
  }
}
