package dev.recall.job.dl4j;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.recall.job.Commands;
import dev.recall.job.Commands.Result;
import dev.recall.job.RunFiles;
import dev.recall.job.config.Configs;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs by Deeplearning4j Spark through the same commands as all others. */
@Tag("cluster")
@NeedsDl4j
class AveragingRunTest {

  @TempDir private Path folder;

  @BeforeEach
  void askForLocalSpark() {
    System.setProperty("spark.master", "local[2]");
    System.setProperty("spark.ui.enabled", "false");
    System.setProperty("spark.driver.host", "127.0.0.1");
  }

  @AfterEach
  void askForNothing() {
    System.clearProperty("spark.master");
    System.clearProperty("spark.ui.enabled");
    System.clearProperty("spark.driver.host");
    System.clearProperty("spark.serializer");
  }

  private static Result train(Path run, String... options) {
    List<String> settings = Configs.smallWith(AveragingRoundsTest.AVERAGING.toArray(new String[0]));
    List<String> args = Commands.with(settings, "train", "--run", run.toString());
    args.addAll(List.of(options));
    return Commands.recall(args);
  }

  @Test
  @Tag("long")
  void aRunThatWasCutInTwoIsTheRun() {
    Path whole = folder.resolve("whole");
    Path cut = folder.resolve("cut");
    assertThat(train(whole).exitCode()).isZero();
    // The rate would fall by the end of the rounds that the run begins with.
    String[] first = {"--set", "stop.rounds=3", "--set", "training.local-optimizer.decay-rounds=6"};
    assertThat(train(cut, first).exitCode()).isZero();
    Result resumed = Commands.recall("train", "--resume", cut.toString(), "--set", "stop.rounds=6");
    assertThat(resumed.exitCode()).as(resumed.err()).isZero();
    // Two workers: their sum has one rounding, whichever ends first.
    assertThat(sha256(cut)).isEqualTo(sha256(whole)).hasSize(64);
  }

  @Test
  void aRunSaysWhatItIs() {
    Path run = folder.resolve("run");
    Result trained = train(run, "--set", "stop.rounds=2");
    assertThat(trained.exitCode()).as(trained.err()).isZero();
    JsonNode runJson = RunFiles.json(run.resolve("run.json"));
    assertThat(runJson.at("/config/training.strategy").textValue())
        .isEqualTo("dl4j-parameter-averaging");
    assertThat(runJson.at("/processes/0/runner").textValue())
        .isEqualTo("Spark 3.5.5 on local[2], Deeplearning4j's parameter averaging");
    assertThat(runJson.at("/processes/0/kernel").textValue()).startsWith("networks of Deeplearn");
    assertThat(runJson.at("/processes/0/libraries").toString())
        .isEqualTo(
            "{\"deeplearning4j-nn\":\"1.0.0-M2.1\",\"nd4j-api\":\"1.0.0-M2.1\",\"dl4j-spark_2.12\":\"1.0.0-M2\"}");
    JsonNode versions =
        RunFiles.json(run.resolve("provenance.intoto.json")).findPath("builder").path("version");
    assertThat(versions.path("spark").textValue()).isEqualTo("3.5.5");
    assertThat(versions.path("nd4j-api").textValue()).isEqualTo("1.0.0-M2.1");
    assertThat(RunFiles.json(run.resolve("summary.json")).path("useful_share").isNull()).isTrue();
    Result evaluated = Commands.recall("evaluate", run.toString());
    assertThat(evaluated.exitCode()).as(evaluated.err()).isZero();
    assertThat(evaluated.out()).contains(sha256(run));

    Result verified = Commands.recall("verify", run.toString());
    assertThat(verified.exitCode()).isEqualTo(4);
    assertThat(verified.out())
        .contains("every link right", "settings, metrics and result agree with them");
    assertThat(verified.err())
        .contains(
            "rounds of training.strategy = dl4j-parameter-averaging cannot be computed again");
  }

  private static String sha256(Path run) {
    return RunFiles.json(run.resolve("run.json")).at("/result/parameters_sha256").textValue();
  }

  @Test
  void itDoesNotRunWithoutSparkOrWithKryo() {
    Result threads = train(folder.resolve("threads"), "--without-spark");
    assertThat(threads.exitCode()).isEqualTo(2);
    assertThat(threads.err())
        .isEqualTo(
            "--without-spark: expected training.strategy = rounds beside it, found"
                + " dl4j-parameter-averaging, which is Deeplearning4j on Spark\n");
    System.setProperty("spark.serializer", "org.apache.spark.serializer.KryoSerializer");
    Result kryo = train(folder.resolve("kryo"));
    assertThat(kryo.exitCode()).isEqualTo(2);
    assertThat(kryo.err()).contains("expected org.apache.spark.serializer.JavaSerializer");
    assertThat(folder).isEmptyDirectory();
  }
}
