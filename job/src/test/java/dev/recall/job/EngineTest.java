package dev.recall.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.node.ArrayNode;
import dev.recall.job.config.Configs;
import dev.recall.job.config.RunConfig;
import dev.recall.job.dl4j.NeedsDl4j;
import dev.recall.job.store.Forgery;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code training.engine}. */
class EngineTest {

  private static final String DL4J = "training.engine=dl4j";

  @TempDir private Path folder;

  @Test
  @NeedsDl4j
  void deeplearning4jTrainsResumesVerifiesAndEvaluates() {
    Path whole = folder.resolve("whole");
    Path parted = folder.resolve("parted");
    Path fused = folder.resolve("fused");
    succeeds(train(whole, DL4J));
    succeeds(train(fused));
    succeeds(train(parted, DL4J, "stop.rounds=2", "training.optimizer.decay-rounds=6"));
    succeeds(List.of("train", "--without-spark", "--resume", parted.toString(), "--set", rounds()));
    assertThat(figure(parted, "parameters_sha256")).isEqualTo(figure(whole, "parameters_sha256"));
    assertThat(figure(fused, "parameters_sha256")).isNotEqualTo(figure(whole, "parameters_sha256"));
    double loss = Double.parseDouble(figure(whole, "loss"));
    // six steps of 0.003 from the same start: gradients differ by 1e-6 of themselves
    assertThat(loss).isCloseTo(Double.parseDouble(figure(fused, "loss")), within(1e-3 * loss));
    succeeds(List.of("verify", whole.toString()));
    succeeds(List.of("evaluate", whole.toString()));
    assertThat(RunFiles.json(whole.resolve("run.json")).at("/processes/0/kernel").asText())
        .startsWith("engine of Deeplearning4j");
    assertThat(RunFiles.json(whole.resolve("run.json")).at("/processes/0/libraries").toString())
        .isEqualTo("{\"deeplearning4j-nn\":\"1.0.0-M2.1\",\"nd4j-api\":\"1.0.0-M2.1\"}");
    assertThat(RunFiles.json(fused.resolve("run.json")).at("/processes/0").has("libraries"))
        .isFalse();

    // As a machine of another kind would find it.
    Forgery.ofChain(whole, 2, line -> ((ArrayNode) line.get("shards")).set(0, "cd".repeat(32)));
    Commands.Result elsewhere = Commands.recall("verify", whole.toString());
    assertThat(elsewhere.exitCode()).isEqualTo(4);
    assertThat(elsewhere.err()).contains("round 2", "the same bits on machines of one kind only");
  }

  @Test
  @NeedsDl4j
  void runWithOneEngineIsNotGoneOnWithByAnother() {
    Path run = folder.resolve("run");
    succeeds(train(run));
    List<String> other =
        List.of("train", "--without-spark", "--resume", run.toString(), "--set", DL4J);
    Commands.Result result = Commands.recall(other);
    assertThat(result.exitCode()).isEqualTo(2);
    assertThat(result.err()).contains("training.engine: the run has \"fused\", found \"dl4j\"");
  }

  /** Runs from before there was the key have hashes of settings without it. */
  @Test
  void keyBindsOnlyWhereItIsNotTheDefault() {
    RunConfig fused = Configs.of();
    RunConfig dl4j = Configs.of(DL4J);
    assertThat(fused.text()).contains("training.engine = \"fused\"\n");
    assertThat(fused.bindingText()).doesNotContain("training.engine");
    assertThat(dl4j.bindingText()).contains("training.engine = \"dl4j\"\n");
    assertThat(dl4j.bindingText().replace("training.engine = \"dl4j\"\n", ""))
        .isEqualTo(fused.bindingText());
    assertThat(fused.bindingChanges(dl4j)).containsOnlyKeys("training.engine");
    assertThat(fused.bindingChanges(Configs.of("training.engine=fused"))).isEmpty();
  }

  /** What was written by an earlier version: the same lines but for the key. */
  @Test
  void runFromBeforeThereWasTheKeyGoesOn() throws IOException {
    Path run = folder.resolve("run");
    succeeds(train(run, "stop.rounds=2"));
    Path config = run.resolve("config.conf");
    Files.writeString(
        config, Files.readString(config).replace("training.engine = \"fused\"\n", ""));
    succeeds(List.of("train", "--without-spark", "--resume", run.toString(), "--set", rounds()));
    succeeds(List.of("verify", run.toString()));
  }

  @Test
  void withoutItsJarDeeplearning4jIsRefusedBeforeAnythingIsWritten()
      throws IOException, InterruptedException {
    Path run = folder.resolve("run");
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-Xmx256m", "-cp", classPathWithoutDl4j(), "dev.recall.job.Main"));
    command.addAll(train(run, DL4J));
    Path log = folder.resolve("log");
    Process process =
        new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(log.toFile()).start();
    try {
      assertThat(process.waitFor(60, TimeUnit.SECONDS)).as("ends by itself").isTrue();
    } finally {
      process.destroyForcibly();
    }
    assertThat(process.exitValue()).as(RunFiles.text(log)).isEqualTo(2);
    assertThat(RunFiles.text(log))
        .contains("training.engine: expected fused, or the jar of Deeplearning4j for dl4j")
        .contains("job/target/recall-dl4j.jar")
        .contains("Deeplearning4j is not on the class path");
    assertThat(run).doesNotExist();
  }

  private static String classPathWithoutDl4j() {
    return Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
        .filter(entry -> Stream.of("nd4j", "deeplearning4j").noneMatch(entry::contains))
        .collect(Collectors.joining(File.pathSeparator));
  }

  private static List<String> train(Path run, String... settings) {
    List<String> all = Configs.smallWith("training.shards=2");
    all.addAll(List.of(settings));
    return Commands.with(all, "train", "--without-spark", "--run", run.toString());
  }

  private static String rounds() {
    return "stop.rounds=6";
  }

  private static void succeeds(List<String> args) {
    Commands.Result result = Commands.recall(args);
    assertThat(result.exitCode()).as(result.err()).isZero();
  }

  private static String figure(Path run, String name) {
    return RunFiles.json(run.resolve("summary.json")).get(name).asText();
  }
}
