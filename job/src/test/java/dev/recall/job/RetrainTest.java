package dev.recall.job;

import static dev.recall.job.Commands.recall;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import dev.recall.job.Commands.Result;
import dev.recall.job.config.UserError;
import dev.recall.job.registry.Lease;
import dev.recall.job.registry.ModelRegistry;
import dev.recall.job.store.Storage;
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code retrain} and {@code models}, and the Java interface to what they leave. */
class RetrainTest {

  /** Learns in a moment. */
  private static final List<String> SETTINGS =
      List.of(
          "task.steps=6",
          "task.remember=1",
          "task.batch-size=32",
          "model.layers=[1, (lstm, 4), 1]",
          "training.shards=2",
          "training.local-steps=8",
          "validation.every-rounds=0",
          "stop.rounds=12",
          "retrain.batches=8");

  @TempDir private Path folder;

  private Path model() {
    return folder.resolve("registry/memory");
  }

  private ModelRegistry registry() {
    return ModelRegistry.open(
        new Storage(Map.of()), folder.resolve("registry").toString(), "memory");
  }

  private List<String> command(String hour, List<String> options, String... settings) {
    List<String> all = new ArrayList<>(SETTINGS);
    all.addAll(List.of(settings));
    List<String> args = Commands.with(all, "retrain", "--without-spark", "--name", "memory");
    args.addAll(List.of("--registry", folder.resolve("registry").toString()));
    args.addAll(List.of("--summary", folder.resolve("summary.json").toString()));
    if (!hour.isEmpty()) {
      args.addAll(List.of("--scheduled", "2026-11-22T" + hour + ":00:00Z"));
    }
    args.addAll(options);
    return args;
  }

  private JsonNode retrained(String hour, String... settings) {
    Result result = recall(command(hour, List.of(), settings));
    assertThat(result.exitCode()).as(result.err()).isZero();
    JsonNode summary = RunFiles.json(folder.resolve("summary.json"));
    assertThat(result.out())
        .endsWith(
            summary.get("outcome").textValue() + ": " + summary.get("reason").textValue() + "\n");
    return summary;
  }

  private static void assertOutcome(JsonNode summary, String outcome, int version, int inService) {
    assertThat(summary.path("outcome").textValue()).as(summary.toString()).isEqualTo(outcome);
    assertThat(summary.path("version").intValue()).isEqualTo(version);
    assertThat(summary.path("in_service").intValue()).isEqualTo(inService);
  }

  private Result models(String... args) {
    List<String> all = new ArrayList<>(List.of("models"));
    all.addAll(List.of(args));
    all.addAll(List.of("--registry", folder.resolve("registry").toString()));
    return recall(all);
  }

  @Test
  void theFirstVersionGoesIntoServiceAndABetterOneTakesItsPlace() {
    assertOutcome(retrained("06"), "promoted", 1, 1);
    JsonNode second = retrained("07", "stop.rounds=40");
    assertOutcome(second, "promoted", 2, 2);
    JsonNode judgement = second.path("judgement");
    assertThat(judgement.path("challenger_loss").doubleValue())
        .isLessThan(judgement.path("champion_loss").doubleValue());
    assertThat(judgement.path("improvement_lower_bound").doubleValue())
        .isGreaterThan(judgement.path("improvement_needed").doubleValue())
        .isLessThan(judgement.path("improvement").doubleValue());
    assertThat(judgement.path("sequences").intValue()).isEqualTo(8 * 32);
    assertThat(judgement.path("confidence").doubleValue()).isEqualTo(0.99);
  }

  @Test
  void aWorseOneIsKeptWithItsDecisionAndDoesNotServe() {
    retrained("06", "stop.rounds=40");
    JsonNode summary = retrained("07", "stop.rounds=2", "retrain.start=scratch");
    assertOutcome(summary, "kept", 2, 1);
    assertThat(summary.path("reason").textValue())
        .startsWith("version 1: loss ")
        .contains(" of the champion on the same 256 sequences: better by -")
        .contains("needed is more than ");
    JsonNode decision = RunFiles.json(model().resolve("versions/000002/decision.json"));
    assertThat(decision.path("promote").booleanValue()).isFalse();
    assertThat(decision.path("champion").intValue()).isEqualTo(1);
    assertThat(decision.path("challenger_loss"))
        .isEqualTo(summary.at("/judgement/challenger_loss"));
    assertThat(registry().versions()).containsExactly(1, 2);
  }

  @Test
  void aVersionSaysWhatItWasTrainedFromAndCanBeTrainedAgain() {
    retrained("06");
    retrained("07");
    Path version = model().resolve("versions/000002");
    assertThat(RunFiles.names(version))
        .containsExactly(
            "config.conf",
            "decision.json",
            "model.safetensors",
            "provenance.intoto.json",
            "run.json",
            "summary.json",
            "version.json");
    JsonNode run = RunFiles.json(version.resolve("run.json"));
    assertThat(run.at("/start/file").textValue())
        .isEqualTo("file:" + model().resolve("versions/000001/model.safetensors"));
    String hash = RunFiles.json(version.resolve("summary.json")).get("parameters_sha256").asText();
    assertThat(run.at("/result/parameters_sha256").asText()).isEqualTo(hash);
    // The seed of each scheduled time is its own.
    assertThat(RunFiles.text(version.resolve("config.conf")))
        .contains("seed = " + (13 + Instant.parse("2026-11-22T07:00:00Z").getEpochSecond()));
    Path again = folder.resolve("again");
    assertThat(
            recall(
                    "train",
                    "--without-spark",
                    "--run",
                    again.toString(),
                    "--config",
                    version.resolve("config.conf").toString(),
                    "--init",
                    run.at("/start/file").textValue())
                .exitCode())
        .isZero();
    assertThat(RunFiles.json(again.resolve("summary.json")).get("parameters_sha256").asText())
        .isEqualTo(hash);
    String decided = RunFiles.json(version.resolve("version.json")).get("run_directory").asText();
    assertThat(recall("verify", decided).exitCode()).isZero();
    assertThat(recall("evaluate", version.resolve("model.safetensors").toString()).exitCode())
        .isZero();
  }

  @Test
  void theSameScheduledTimeTrainsOnce() {
    retrained("06");
    Map<String, String> before = RunFiles.snapshot(model());
    JsonNode again = retrained("06", "seed=99");
    assertOutcome(again, "done already", 1, 1);
    assertThat(again.path("reason").textValue())
        .isEqualTo("version 1 was trained for 2026-11-22T06:00:00Z");
    assertThat(RunFiles.snapshot(model())).isEqualTo(before);
  }

  /** The lease of the first attempt stays, as when its process is killed. */
  @Test
  void aTimeWhoseVersionWasRemovedIsNotTrainedAgain() {
    for (String hour : List.of("06", "07", "08", "09")) {
      retrained(hour, "stop.rounds=2", "retrain.confidence=0.5");
    }
    assertThat(models("promote", "memory", "2").exitCode()).isIn(0, 2);
    assertThat(models("promote", "memory", "4").exitCode()).isIn(0, 2);
    assertThat(models("prune", "memory", "--keep", "1").exitCode()).isZero();
    assertThat(registry().versions()).doesNotContain(3).contains(4);

    JsonNode again = retrained("08", "stop.rounds=2");
    assertOutcome(again, "done already", 3, 4);
    assertThat(again.path("reason").textValue())
        .isEqualTo("version 3 was trained for 2026-11-22T08:00:00Z and removed since");
    assertThat(registry().versions()).doesNotContain(3, 5);
  }

  @Test
  void pruningRemovesAttemptsThatNobodyGoesOnWith() throws Exception {
    Path runs = model().resolve("runs");
    retrained("06", "stop.rounds=2");
    Files.createDirectories(runs.resolve("20261122T050000Z-scratch/checkpoints"));
    Files.createDirectories(runs.resolve("20261122T070000Z-champion/checkpoints"));
    try (Lease lease = Lease.take(registry(), Duration.ofMinutes(1), line -> {})) {
      assertThat(models("prune", "memory", "--keep", "1").exitCode()).isZero();
      assertThat(RunFiles.names(runs)).as("while somebody has lease " + lease.number()).hasSize(3);
    }
    assertThat(models("prune", "memory", "--keep", "1").exitCode()).isZero();
    assertThat(RunFiles.names(runs))
        .containsExactly("20261122T060000Z-scratch", "20261122T070000Z-champion");
  }

  @Test
  void theSummaryOfARetrainingThatFailsSaysSo() {
    Result result = recall(command("06", List.of(), "optimizer.rate=1"));
    assertThat(result.exitCode()).isEqualTo(2);
    JsonNode summary = RunFiles.json(folder.resolve("summary.json"));
    assertThat(summary.path("outcome").textValue()).isEqualTo("failed");
    assertThat(summary.path("exit_code").intValue()).isEqualTo(2);
    assertThat(summary.path("scheduled").textValue()).isEqualTo("2026-11-22T06:00:00Z");
    assertThat(result.err()).isEqualTo(summary.path("reason").textValue() + "\n");
    assertThat(registry().versions()).isEmpty();

    assertThat(retrained("06").path("exit_code").intValue()).isZero();
  }

  @Test
  void anInterruptedAttemptForTheSameTimeIsGoneOnWith() throws Exception {
    Path whole = folder.resolve("whole");
    retrained("06");
    Files.move(model(), whole);
    Path run = model().resolve("runs/20261122T060000Z-scratch");
    List<String> settings = new ArrayList<>(SETTINGS);
    settings.addAll(
        List.of("seed=" + (13 + Instant.parse("2026-11-22T06:00:00Z").getEpochSecond())));
    List<String> train = Commands.with(settings, "train", "--without-spark");
    train.addAll(List.of("--run", run.toString(), "--set", "stop.seconds=1e-9"));
    assertThat(recall(train).exitCode()).isZero();

    retrained("06", "stop.seconds=0");
    for (Path at : List.of(whole, model())) {
      assertThat(RunFiles.names(at.resolve("versions"))).containsExactly("000001");
    }
    String parameters = "/result/parameters_sha256";
    assertThat(RunFiles.json(model().resolve("versions/000001/run.json")).at(parameters))
        .isEqualTo(RunFiles.json(whole.resolve("versions/000001/run.json")).at(parameters));
    assertThat(RunFiles.json(model().resolve("versions/000001/run.json")).path("processes"))
        .hasSize(2);
  }

  @Test
  void whileAnotherTrainsItIsLeftAlone() throws Exception {
    retrained("06");
    try (Lease lease = Lease.take(registry(), Duration.ofSeconds(1), line -> {})) {
      assertThat(lease.number()).isEqualTo(2);
      JsonNode summary = retrained("07");
      assertThat(summary.path("outcome").textValue()).isEqualTo("left alone");
      assertThat(summary.path("reason").textValue())
          .matches(
              "file:\\S+: \\S+@\\S+ has been retraining it since \\S+Z, as version 2; its lease runs"
                  + " until \\S+Z");
      assertThat(registry().versions()).containsExactly(1);
    }
    assertOutcome(retrained("07"), retrainedWord(), 3, registry().now().inService().orElseThrow());
  }

  private String retrainedWord() {
    return registry().now().inService().orElseThrow() == 3 ? "promoted" : "kept";
  }

  @Test
  void ofAChallengerFromTheChampionAndOneFromScratchTheBetterIsJudged() {
    retrained("06", "stop.rounds=40");
    JsonNode summary = retrained("07", "retrain.start=better");
    assertThat(RunFiles.names(model().resolve("runs")))
        .containsExactly(
            "20261122T060000Z-scratch", "20261122T070000Z-champion", "20261122T070000Z-scratch");
    JsonNode version = RunFiles.json(model().resolve("versions/000002/version.json"));
    assertThat(version.path("run_directory").textValue()).endsWith("070000Z-champion");
    assertThat(summary.path("version").intValue()).isEqualTo(2);
  }

  /** Both are measured on the task that was trained for. */
  @Test
  void aTaskThatMovesOnIsTheOneThatBothAreJudgedOn() {
    retrained("06", "stop.rounds=40");
    JsonNode summary = retrained("07", "task.steps=9", "stop.rounds=60");
    assertOutcome(summary, "promoted", 2, 2);
    assertThat(summary.at("/judgement/champion_loss").doubleValue())
        .isGreaterThan(summary.at("/judgement/challenger_loss").doubleValue());
  }

  @Test
  void aTaskOfAnotherShapeNeedsAnotherName() {
    retrained("06");
    Result result =
        recall(
            command(
                "07",
                List.of(),
                "task.features=2",
                "model.layers=[2, (lstm, 4), 2]",
                "retrain.start=scratch"));
    assertThat(result.exitCode()).isEqualTo(2);
    assertThat(result.err())
        .contains(
            "version 1, in service: expected a network for 2 inputs and 2 outputs per step, found 1"
                + " and 1; give a model of another task another name");
    assertThat(registry().versions()).containsExactly(1);
  }

  @Test
  void examplesAreABudgetOfWholeRounds() {
    Result result = recall(command("06", List.of("--examples", "2600")));
    assertThat(result.exitCode()).as(result.err()).isZero();
    assertThat(result.err()).contains("2,600 examples are 5 rounds of 512, 2,560 in all\n");
    JsonNode summary = RunFiles.json(model().resolve("versions/000001/summary.json"));
    assertThat(summary.get("examples").intValue()).isEqualTo(5 * 2 * 8 * 32);
  }

  @Test
  void aTimeToEndByIsABudget() {
    Instant end = Instant.now().plusSeconds(8);
    Result result =
        recall(command("06", List.of("--until", end.toString()), "stop.rounds=100000000"));
    assertThat(result.exitCode()).as(result.err()).isZero();
    JsonNode summary = RunFiles.json(model().resolve("versions/000001/summary.json"));
    assertThat(summary.get("stopped_because").textValue()).isEqualTo("seconds");
    assertThat(summary.get("seconds").doubleValue()).isLessThan(9);
  }

  @Test
  void aTimeThatIsOverEndsTrainingWithWhatThereIs() {
    Result result = recall(command("06", List.of("--until", "2020-01-01T00:00:00Z")));
    assertThat(result.exitCode()).as(result.err()).isZero();
    JsonNode summary = RunFiles.json(model().resolve("versions/000001/summary.json"));
    assertThat(summary.get("rounds").intValue()).isEqualTo(1);
  }

  /** Of the first attempt only what it had published is left, or what it had put into service. */
  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void anAttemptThatEndedBeforeItsDecisionIsDecidedByTheNext(boolean promoted) throws Exception {
    retrained("06");
    retrained("07", "stop.rounds=40");
    Files.delete(model().resolve("versions/000002/decision.json"));
    if (!promoted) {
      Files.delete(model().resolve("history/00000002.json"));
    }
    assertOutcome(retrained("07"), "promoted", 2, 2);
    assertThat(registry().history()).hasSize(2);
    assertThat(registry().decision(2)).isPresent();
    assertThat(registry().versions()).containsExactly(1, 2);
    assertOutcome(retrained("07"), "done already", 2, 2);
  }

  @Test
  void aPeriodTrainsOnceInItsTime() {
    for (int i = 0; i < 2; i++) {
      Result result = recall(command("", List.of("--every", "9999d")));
      assertThat(result.exitCode()).as(result.err()).isZero();
    }
    assertThat(registry().versions()).containsExactly(1);
    // 2 x 9,999 days after 1970-01-01
    assertThat(registry().version(1).scheduled()).isEqualTo("2024-10-02T00:00:00Z");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--until 06:00 | --until: expected a time such as 2026-11-22T06:00:00Z, found 06:00",
        "--every 1 | --every: expected a period such as 30m, 6h or 1d, found 1",
        "--every 1h --scheduled 2026-11-22T06:00:00Z | --every: expected no --scheduled beside it",
        "--scheduled today | --scheduled: expected a time such as 2026-11-22T06:00:00Z, found today",
        "--examples 0 | --examples: expected at least 1, found 0",
        "--set retrain.confidence=0.3 | retrain.confidence: expected a number in [0.5, 1), found 0.3",
        "--set retrain.start=zero | retrain.start: expected one of champion, scratch, better, found"
      })
  void badInputIsRefusedAndLeavesNothing(String options, String message) {
    Result result = recall(command("", List.of(options.split(" "))));
    assertThat(result.exitCode()).isEqualTo(2);
    assertThat(result.err()).contains(message);
    assertThat(model().resolve("versions")).doesNotExist();
  }

  @Test
  void modelsAreShownPromotedRolledBackAndPruned() {
    retrained("06");
    retrained("07", "stop.rounds=40");
    retrained("08", "stop.rounds=2", "retrain.start=scratch");
    assertThat(models("list").out().lines().toList().get(1)).matches("memory +2 +1 +3 .*");
    JsonNode listed = RunFiles.json(models("list", "--json").out());
    assertThat(listed.get(0).path("in_service").intValue()).isEqualTo(2);
    assertThat(models("show", "memory").out())
        .contains("in service  2")
        .containsPattern("(?m)^  3 .* for 2026-11-22T08:00:00Z  loss ")
        .containsPattern("(?m)^  2 .*  promote 2: loss ");

    assertThat(models("rollback", "memory", "--reason", "too slow").out())
        .matches("version 1 is in service since \\S+Z, by \\S+@\\S+\n");
    assertThat(models("show", "memory").out()).contains("rollback 1: too slow");
    assertThat(models("rollback", "memory").exitCode()).isEqualTo(2);
    assertThat(models("promote", "memory", "3").exitCode()).isZero();
    assertThat(models("promote", "memory", "3").err()).contains("version 3 is in service already");
    assertThat(models("promote", "memory", "4").err())
        .contains("expected one of the versions [1, 2, 3], found no version 4");
    assertThat(models("prune", "memory", "--keep", "1").out()).isEqualTo("removed: [2]\n");
    assertThat(registry().versions()).containsExactly(1, 3);
    assertThat(RunFiles.names(model().resolve("runs")))
        .containsExactly("20261122T060000Z-scratch", "20261122T080000Z-scratch");
    JsonNode shown = RunFiles.json(models("show", "memory", "--json").out());
    assertThat(shown.path("history")).hasSize(5);
    assertThat(models("show", "other").err()).contains("expected one of the models [memory]");
    assertThat(models().exitCode()).isEqualTo(2);
  }

  @Test
  void theModelInServicePredictsAndAPromotionIsNoticed() {
    assertThatThrownBy(() -> Recall.load(folder.resolve("registry").toString(), "memory"))
        .isInstanceOf(UserError.class)
        .hasMessageEndingWith("expected a version in service, found none");
    retrained("06");
    Recall recall = Recall.load(folder.resolve("registry").toString(), "memory");
    ServedModel first = recall.model();
    assertThat(first.version()).isEqualTo(1);
    assertThat(recall.refresh()).isFalse();
    assertThat(recall.model()).isSameAs(first);
    float[] inputs = new float[6 * 2];
    inputs[0] = 1;
    float[] before = first.predict(inputs, 6, 2);
    assertThat(before).hasSize(6 * 2);

    retrained("07", "stop.rounds=40");
    assertThat(recall.refresh()).isTrue();
    assertThat(recall.model().version()).isEqualTo(2);
    assertThat(recall.model().predict(inputs, 6, 2)).isNotEqualTo(before);
    assertThat(first.predict(inputs, 6, 2)).isEqualTo(before);
    assertThatThrownBy(() -> first.predict(inputs, 5, 2))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void theModelInServicePredictsInAJvmWithoutSpark() throws Exception {
    retrained("06");
    String registry = folder.resolve("registry").toString();
    Pattern needed =
        Pattern.compile(
            ".*/(classes|(recall|config|(slf4j-api|jcl-over-slf4j)|jackson-(core|databind|annotations)|"
                + "hadoop-client-(api|runtime))-[^/]*)");
    String classPath =
        ClassPaths.forTraining().stream()
            .filter(needed.asMatchPredicate())
            .collect(Collectors.joining(File.pathSeparator));
    String tests =
        Path.of(getClass().getProtectionDomain().getCodeSource().getLocation().toURI()).toString();
    assertThat(classPath).doesNotContain("spark", "scala");
    Path java = Path.of(System.getProperty("java.home"), "bin", "java");
    Process server =
        new ProcessBuilder(
                java.toString(),
                "-XX:TieredStopAtLevel=1",
                "-cp",
                classPath + File.pathSeparator + tests,
                ServingWithoutSpark.class.getName(),
                registry,
                "memory")
            .redirectError(folder.resolve("server.log").toFile())
            .start();
    String printed = new String(server.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(server.waitFor()).as(Files.readString(folder.resolve("server.log"))).isZero();
    float[] here =
        Recall.load(registry, "memory").model().predict(ServingWithoutSpark.inputs(), 6, 2);
    assertThat(printed).isEqualTo("1 " + Arrays.toString(here) + System.lineSeparator());
  }

  @ParameterizedTest
  @ValueSource(strings = {"model.safetensors", "version.json"})
  void aServedModelThatWasChangedIsRefused(String file) throws Exception {
    retrained("06");
    Path path = model().resolve("versions/000001/" + file);
    byte[] bytes = Files.readAllBytes(path);
    bytes[bytes.length / 2] ^= 1;
    Files.write(path, bytes);
    assertThatThrownBy(() -> Recall.load(folder.resolve("registry").toString(), "memory"))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("memory/versions/000001");
  }
}
