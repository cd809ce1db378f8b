package dev.recall.job;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.node.ArrayNode;
import dev.recall.job.Commands.Result;
import dev.recall.job.config.Configs;
import dev.recall.job.store.Forgery;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Runs that are what they say, and runs that somebody has altered. */
class VerifyTest {

  /** Every kind of state; nine rounds with a checkpoint after every second and the last. */
  private static final List<String> SETTINGS =
      Configs.smallWith(
          "training.local-steps=2",
          "stop.patience=50",
          "stop.rounds=9",
          "checkpoint.keep-every-rounds=2");

  @TempDir private Path folder;

  private Path run;

  @BeforeEach
  void train() {
    run = folder.resolve("run");
    trained(run);
  }

  private static Result trained(Path place, String... assignments) {
    List<String> args =
        Commands.with(SETTINGS, "train", "--without-spark", "--run", place.toString());
    for (String assignment : assignments) {
      args.addAll(List.of("--set", assignment));
    }
    return Commands.recall(args);
  }

  private static Result resumed(Path place, String... options) {
    List<String> args = new ArrayList<>(List.of("train", "--without-spark", "--resume"));
    args.add(place.toString());
    args.addAll(List.of(options));
    return Commands.recall(args);
  }

  private static Result verified(Path place, String... options) {
    List<String> args = new ArrayList<>(List.of("verify", place.toString()));
    args.addAll(List.of(options));
    return Commands.recall(args);
  }

  private static void assertAccepted(Result result) {
    assertThat(result.exitCode()).as(result.err()).isZero();
    assertThat(result.err()).isEmpty();
    assertThat(result.out()).contains("the same bits", "verified  ", "parameters SHA-256  ");
  }

  private void assertRejected(String... parts) {
    assertRejected(verified(run), parts);
  }

  private void assertRejected(Result result, String... parts) {
    assertThat(result.exitCode()).as(result.out() + result.err()).isEqualTo(4);
    assertThat(result.err()).startsWith("file:" + run + ": not verified: ").contains(parts);
    assertThat(result.out()).doesNotContain("verified  ");
  }

  private static void change(Path file, UnaryOperator<String> change) {
    String before = RunFiles.text(file);
    String after = change.apply(before);
    assertThat(after).as("changed").isNotEqualTo(before);
    write(file, after);
  }

  private static void write(Path file, String text) {
    try {
      Files.writeString(file, text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Nested
  class Accepts {

    @ParameterizedTest
    @CsvSource({
      "all, 1, 9 of 9 rounds computed again\\, 9 with",
      "all, 3, 9 of 9 rounds computed again\\, 9 with",
      "9, 2, 1 of 9 rounds computed again\\, 1 with",
      "4, 2, 1 of 9 rounds computed again\\, 4 with",
      "2-3, 8, 2 of 9 rounds computed again\\, 3 with",
      "100%, 2, 9 of 9 rounds computed again\\, 9 with",
      "1%, 2, 1 of 9 rounds computed again"
    })
    void anHonestRunOnAnyNumberOfThreads(String rounds, String threads, String computed) {
      Map<String, String> before = RunFiles.snapshot(run);
      Result result = verified(run, "--rounds", rounds, "--threads", threads);
      assertAccepted(result);
      assertThat(result.out()).contains(computed.replace("\\", ""));
      assertThat(RunFiles.snapshot(run)).isEqualTo(before);
    }

    @Test
    void theSampleThatWasDrawnBefore() {
      Path many = folder.resolve("many");
      trained(many, "stop.rounds=40");
      Result first = verified(many, "--rounds", "10%", "--sample-seed", "5");
      assertAccepted(first);
      assertThat(first.out()).contains("sample seed 5").contains("4 of 40 rounds computed again");
      int computed =
          Integer.parseInt(first.out().replaceAll("(?s).*computed again, (\\d+) with.*", "$1"));
      // At most one interval between checkpoints for each.
      assertThat(computed).isBetween(4, 8);
      assertThat(verified(many, "--rounds", "10%", "--sample-seed", "5").out())
          .contains("computed again, " + computed + " with");
    }

    @Test
    void aRunThatWasInterruptedAndIsTheSame() {
      Path parts = folder.resolve("parts");
      trained(
          parts,
          "stop.rounds=3",
          "training.optimizer.decay-rounds=9",
          "training.local-optimizer.decay-rounds=9");
      Path whole = run;
      resumed(parts, "--set", "stop.rounds=9");
      assertAccepted(verified(parts));
      assertThat(RunFiles.chain(parts)).isEqualTo(RunFiles.chain(whole));
      assertThat(RunFiles.json(parts.resolve("run.json")).at("/result/chain"))
          .isEqualTo(RunFiles.json(whole.resolve("run.json")).at("/result/chain"));
      assertThat(RunFiles.json(parts.resolve("run.json")).get("processes")).hasSize(2);
    }

    /** A process that was killed had written the lines of its last rounds. */
    @Test
    void aRunThatHasNotEnded() throws IOException {
      resumed(run, "--set", "stop.rounds=11");
      for (String lost :
          List.of(
              "checkpoints/round-00000011.safetensors", "provenance.intoto.json", "summary.json")) {
        Files.delete(run.resolve(lost));
      }
      change(run.resolve("run.json"), text -> text.replaceFirst("(?s),\\s*\"result\".*", "\n}"));
      Result result = verified(run);
      assertAccepted(result);
      assertThat(result.out()).contains("no result yet", "10 of 10 rounds");
    }

    @Test
    void aRunWhoseSettingsWereAllowedToChange() {
      Result refused = resumed(run, "--set", "training.local-optimizer.learning-rate=0.01");
      assertThat(refused.exitCode()).isEqualTo(2);
      Result nothingLeft =
          resumed(run, "--allow-changed", "--set", "training.local-optimizer.learning-rate=0.01");
      assertThat(nothingLeft.exitCode()).isEqualTo(2);
      assertThat(nothingLeft.err())
          .contains("--allow-changed: expected rounds left to do", "found 9 of 9 done");
      Result changed =
          resumed(
              run,
              "--allow-changed",
              "--set",
              "training.local-optimizer.learning-rate=0.01",
              "--set",
              "stop.rounds=12");
      assertThat(changed.exitCode()).as(changed.err()).isZero();
      assertThat(changed.err())
          .contains("changed: --set training.local-optimizer.learning-rate=0.01")
          .contains("the run has 0.002, found 0.01")
          .contains("changed: --set stop.rounds=12");
      assertThat(RunFiles.chain(run))
          .filteredOn(line -> line.contains("changed_after"))
          .singleElement()
          .asString()
          .startsWith(
              "{\"changed_after\":9,\"values\":"
                  + "{\"training.local-optimizer.learning-rate\":\"0.01\"},\"settings\":\"");
      assertAccepted(verified(run));
      assertAccepted(verified(run, "--rounds", "11"));
      // The change is in the run from now on.
      assertThat(resumed(run, "--set", "stop.rounds=13").exitCode()).isZero();
      assertAccepted(verified(run));
    }

    @ParameterizedTest
    @ValueSource(
        strings = {
          "training.local-optimizer.momentum=0",
          "training.optimizer.momentum=0",
          "training.optimizer.algorithm=sgd",
          "training.local-steps=1",
          "stop.patience=0",
          "validation.every-rounds=1",
          "validation.fresh=true"
        })
    void aRunThatGoesOnWithMoreOrLessState(String assignment) {
      Path other = folder.resolve("other");
      trained(other, assignment);
      String back = RunFiles.setting(run, assignment.replaceFirst("=.*", ""));
      for (Map.Entry<Path, String> change : Map.of(run, assignment, other, back).entrySet()) {
        Result changed =
            resumed(
                change.getKey(),
                "--allow-changed",
                "--set",
                change.getValue(),
                "--set",
                "stop.rounds=12");
        assertThat(changed.exitCode()).as(changed.err()).isZero();
        assertAccepted(verified(change.getKey()));
      }
    }

    @Test
    void aRunWhoseLimitsChangedWhenNothingWasLeftToDo() {
      assertThat(resumed(run, "--set", "evaluation.batches=3").exitCode()).isZero();
      assertAccepted(verified(run));
    }

    @Test
    void aRunThatBeganWithAFile() {
      Path second = folder.resolve("second");
      List<String> args =
          Commands.with(SETTINGS, "train", "--without-spark", "--run", second.toString());
      args.addAll(List.of("--init", RunFiles.newestCheckpoint(run).toString()));
      assertThat(Commands.recall(args).exitCode()).isZero();
      assertAccepted(verified(second));
    }

    @Test
    void aRunWithRoundsThatWereNotFinite() {
      List<String> diverging =
          List.of(
              "training.local-steps=1",
              "training.optimizer.algorithm=sgd",
              "training.optimizer.learning-rate=1000",
              "training.optimizer.momentum=0",
              "training.optimizer.decay=constant",
              "stop.rounds=60",
              "training.not-finite.limit=30");
      Path halved = folder.resolve("halved");
      List<String> settings = new ArrayList<>(diverging);
      settings.add("training.not-finite.back-rounds=50");
      Result result = trained(halved, settings.toArray(new String[0]));
      assertThat(result.exitCode()).as(result.err()).isZero();
      assertThat(result.err())
          .contains("; going on from round 0 with 0.5 times the learning rates")
          .contains("; going on from round 0 with 0.25 times the learning rates");
      assertThat(RunFiles.chain(halved))
          .filteredOn(line -> line.contains("\"rejected\""))
          .hasSizeGreaterThan(1)
          .allMatch(line -> line.contains("\"back_to\":0"));
      assertThat(RunFiles.metricsRounds(halved)).hasSize(60);
      assertAccepted(verified(halved));

      Path skipped = folder.resolve("skipped");
      settings.add("training.not-finite.policy=skip");
      settings.add("stop.rounds=20");
      Result left = trained(skipped, settings.toArray(new String[0]));
      assertThat(left.exitCode()).as(left.err()).isZero();
      assertThat(left.err()).contains("; the round is left out");
      assertThat(RunFiles.metricsRounds(skipped)).hasSize(20);
      assertAccepted(verified(skipped));
    }
  }

  @Nested
  class Names {

    @ParameterizedTest
    @ValueSource(ints = {0, 2, 4, 6, 8, 9})
    void theRoundOfACheckpointWithAnotherParameter(int round) {
      Forgery.ofCheckpoint(run, round, tensors -> tensors.get("hid1.xh")[3] += 1e-6f);
      assertRejected("checkpoint of round " + round + ": parameters: expected ");
    }

    @ParameterizedTest
    @ValueSource(
        strings = {
          "optimizer.mean_square.out.b",
          "optimizer.velocity.hid1.hh",
          "optimizer.local.mean.hid1.cf",
          "best.hid1.b"
        })
    void theRoundOfACheckpointWithAnotherState(String tensor) {
      Forgery.ofCheckpoint(run, 6, tensors -> tensors.get(tensor)[0] += 1e-6f);
      assertRejected("checkpoint of round 6: expected the state of the replay, found another");
    }

    @ParameterizedTest
    @CsvSource({"round, 5", "examples, 1", "rejected, 1", "best_misses, 7", "best_loss, 0.25"})
    void theRoundOfACheckpointWithAnotherNumber(String key, String value) {
      Forgery.ofMetadata(run, 6, key, value);
      assertRejected("checkpoint of round 6");
    }

    /** Whoever begins elsewhere than the seed does has to say so. */
    @ParameterizedTest
    @ValueSource(
        strings = {"optimizer.velocity.hid1.hh", "optimizer.local.mean.out.w", "best.out.b"})
    void aBeginningWithAnotherState(String tensor) {
      Forgery.ofCheckpoint(run, 0, tensors -> tensors.get(tensor)[0] += 1e-6f);
      assertRejected("checkpoint of round 0: expected what settings and seed begin with");
    }

    @Test
    void aSettingInTheStatement() {
      change(
          run.resolve("provenance.intoto.json"),
          text -> text.replace("\"task.steps\" : \"6\"", "\"task.steps\" : \"7\""));
      assertRejected("provenance.intoto.json: settings: expected ");
    }

    @Test
    void theRoundOfAByteOfACheckpoint() throws IOException {
      Path file = run.resolve("checkpoints/round-00000004.safetensors");
      byte[] bytes = RunFiles.bytes(file);
      bytes[bytes.length - 5] ^= 1;
      Files.write(file, bytes);
      assertRejected("checkpoint of round 4: ", "expected values with SHA-256 ");
    }

    @Test
    void theRoundOfALineOfTheChain() {
      Path file = run.resolve("chain/rounds-00000005-00000006.jsonl");
      change(file, text -> text.replaceFirst("\"loss\":\"0x1\\.", "\"loss\":\"0x1.0"));
      assertRejected("chain: round 5: link: expected ");
    }

    @ParameterizedTest
    @CsvSource({
      "loss, round 5: loss: expected 0x1.8p0\\, found 0x",
      "after, round 5: after: expected "
    })
    void theRoundOfAValueInAChainThatWasMadeToFit(String field, String finding) {
      String value = field.equals("loss") ? "0x1.8p0" : "ab".repeat(32);
      Forgery.ofChain(run, 5, line -> line.put(field, value));
      if (field.equals("after")) {
        Forgery.ofChain(run, 6, line -> line.put("before", value));
      } else {
        change(
            run.resolve("metrics/rounds-00000005-00000006.jsonl"),
            text -> text.replaceFirst("\"training_loss\":[^,]+", "\"training_loss\":1.5"));
      }
      assertRejected(finding.replace("\\", ""));
      // Rounds elsewhere are as they were.
      assertAccepted(verified(run, "--rounds", "3"));
    }

    @Test
    void theRoundAndTheShardOfAContribution() {
      Forgery.ofChain(run, 7, line -> ((ArrayNode) line.get("shards")).set(3, "cd".repeat(32)));
      assertRejected("round 7, shard 3: expected a contribution with SHA-256 " + "cd".repeat(32));
    }

    @ParameterizedTest
    @ValueSource(
        strings = {
          "training_loss",
          "gradient_norm",
          "examples",
          "validation_loss",
          "validation_loss_above_floor",
          "recall_mse"
        })
    void theRoundOfAFigureInTheMetrics(String field) {
      change(
          run.resolve("metrics/rounds-00000007-00000008.jsonl"),
          text -> {
            String last = text.lines().toList().get(1);
            return text.replace(last, last.replaceFirst("(\"" + field + "\":)", "$11"));
          });
      assertRejected("round 8: ", field);
    }

    @Test
    void theSettingThatIsAnother() {
      TreeSet<String> keys = new TreeSet<>();
      String before = RunFiles.text(run.resolve("config.conf"));
      for (String line : before.lines().toList()) {
        String key = line.replaceFirst(" = .*", "");
        String value = line.replaceFirst(".* = ", "");
        if (value.matches("[1-9]\\d*")) {
          write(
              run.resolve("config.conf"),
              before.replace(line, key + " = " + (Long.parseLong(value) + 1)));
          Result result = verified(run, "--rounds", "9");
          assertThat(result.exitCode()).as(key + result.out()).isEqualTo(4);
          keys.add(key);
        }
      }
      assertThat(keys).contains("seed", "task.steps", "stop.rounds", "checkpoint.keep");
    }

    @ParameterizedTest
    @CsvSource({
      "run.json, parameters_sha256",
      "run.json, chain",
      "run.json, checkpoint_sha256",
      "run.json, config_sha256",
      "run.json, rounds",
      "run.json, seed",
      "provenance.intoto.json, sha256",
      "summary.json, parameters_sha256",
      "summary.json, loss",
      "summary.json, recall_mse",
      "summary.json, loss_above_floor",
      "summary.json, rounds",
      "summary.json, examples"
    })
    void theFigureOfTheResultThatIsAnother(String file, String field) {
      change(
          run.resolve(file),
          text -> text.replaceAll("(\"" + field + "\" : \"?)[0-9a-f]", "$1" + "77"));
      assertRejected(file + ": ");
    }

    @Test
    void whatIsMissing() throws IOException {
      Path chain = run.resolve("chain/rounds-00000005-00000006.jsonl");
      String lines = RunFiles.text(chain);
      Files.delete(chain);
      assertRejected("chain: round 7: rounds: expected 5, found 7");
      write(chain, lines.lines().toList().get(0) + "\n");
      assertRejected("chain: round 7: rounds: expected 6, found 7");
      write(chain, lines);
      Path first = run.resolve("checkpoints/round-00000000.safetensors");
      byte[] bytes = RunFiles.bytes(first);
      Files.delete(first);
      assertRejected("checkpoint of round 0: expected one, found none");
      Files.write(first, bytes);
      Files.delete(run.resolve("metrics/rounds-00000001-00000002.jsonl"));
      assertRejected("metrics: round 8: expected lines of 9 rounds, found 7");
    }

    /** A run that was made elsewhere, by arithmetic of its own, and is consistent in itself. */
    @Test
    void theRoundOfARunThatWasTrainedOtherwise() {
      Path other = folder.resolve("other");
      trained(other, "training.local-optimizer.momentum=0.8");
      Forgery.pretend(other, "training.local-optimizer.momentum = 0.8", "0.9");
      run = other;
      assertRejected("round 1, shard 0: expected a contribution with SHA-256 ");
    }
  }

  @Nested
  class BadInput {

    @ParameterizedTest
    @ValueSource(strings = {"0", "10", "7-3", "some", "101%", "-1%", "3-12"})
    void inTheRoundsIsRefused(String rounds) {
      Result result = verified(run, "--rounds=" + rounds);
      assertThat(result.exitCode()).isEqualTo(2);
      assertThat(result.err())
          .contains("--rounds: expected all, a round or a range of 1 to 9", "found " + rounds);
    }

    @Test
    void inTheRunIsRefused() {
      Result result = verified(folder);
      assertThat(result.exitCode()).isEqualTo(2);
      assertThat(result.err())
          .contains(folder + ": expected a run directory with config.conf, found none");
    }
  }
}
