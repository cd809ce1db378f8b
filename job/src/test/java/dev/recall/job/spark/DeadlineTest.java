package dev.recall.job.spark;

import static org.assertj.core.api.Assertions.assertThat;

import dev.recall.job.Commands;
import dev.recall.job.Processes;
import dev.recall.job.config.Configs;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Processes that wait for what does not come. */
class DeadlineTest {

  private static final int FAILED = 1;

  @RegisterExtension private final Processes processes = new Processes();

  private static List<String> on(String master) {
    return List.of(
        "-Dspark.master=" + master, "-Dspark.ui.enabled=false", "-Dspark.driver.host=127.0.0.1");
  }

  private List<String> begin(String... settings) {
    return Commands.with(Configs.smallWith(settings), "train", "--run", processes.run().toString());
  }

  private void assertFails(List<String> jvmOptions, List<String> args, String message)
      throws IOException, InterruptedException {
    long start = System.nanoTime();
    Process process = processes.start(jvmOptions, args);
    processes.assertEnds(process, FAILED);
    assertThat(processes.log()).containsPattern("(?m)^failed: " + message + "$");
    System.out.printf(
        "waited: %s: exit %d after %.1f s%n", message, FAILED, (System.nanoTime() - start) / 1e9);
  }

  /** After three rounds one that would take hours. */
  private void aRoundTakesTooLong(List<String> jvmOptions, String standing, String... options)
      throws IOException, InterruptedException {
    List<String> three = begin("training.local-steps=2", "stop.rounds=3");
    three.add("--without-spark");
    assertThat(Commands.recall(three).exitCode()).isZero();
    List<String> settings =
        List.of("training.local-steps=100000000", "stop.rounds=5", "wait.round-seconds=1");
    List<String> args =
        Commands.with(settings, "train", "--allow-changed", "--resume", processes.run().toString());
    args.addAll(List.of(options));
    assertFails(jvmOptions, args, "waited 1 s for the shards of round 4, " + standing);
    assertThat(processes.log())
        .contains(
            "the last checkpoint is whole: file:"
                + processes.run()
                + "/checkpoints/round-00000003.")
        .contains("to go on: deploy/bin/recall train --resume file:" + processes.run() + "\n");
    processes.assertEvaluates();
  }

  @Test
  void aRoundThatTakesTooLongEndsTheRun() throws IOException, InterruptedException {
    aRoundTakesTooLong(List.of(), "\\d+ tasks at a time", "--without-spark");
  }

  @Test
  @Tag("cluster")
  void aRoundThatTakesTooLongOnSparkEndsTheRun() throws IOException, InterruptedException {
    aRoundTakesTooLong(Processes.SPARK, "0 of 2 tasks done, \\d running");
  }

  @Test
  @Tag("cluster")
  void executorsThatNeverComeEndTheRun() throws IOException, InterruptedException {
    try (LoopbackCluster cluster = new LoopbackCluster(processes.folder(), 0)) {
      assertFails(
          on(cluster.master()),
          begin("wait.round-seconds=3"),
          "waited 3 s for the shards of round 1, 0 of 2 tasks done, 0 running, 0 executors");
      assertThat(processes.log()).contains("/run/checkpoints/round-00000000.safetensors");
      processes.assertEvaluates();
    }
  }

  @Test
  @Tag("cluster")
  void executorsThatNeverComeEndTheChoiceOfLocalSteps() throws IOException, InterruptedException {
    try (LoopbackCluster cluster = new LoopbackCluster(processes.folder(), 0)) {
      assertFails(
          on(cluster.master()),
          begin("wait.round-seconds=1", "training.local-steps=auto"),
          "waited 3 s for empty rounds on " + cluster.master() + ", 0 executors");
      assertThat(processes.run()).doesNotExist();
    }
  }

  @Test
  @Tag("cluster")
  void tooFewExecutorsAreWaitedForAndEndTheRunBeforeItBegins()
      throws IOException, InterruptedException {
    try (LoopbackCluster cluster = new LoopbackCluster(processes.folder(), 1)) {
      List<String> submitted = new ArrayList<>(on(cluster.master()));
      submitted.addAll(cluster.executorOptions());
      assertFails(
          submitted,
          begin("spark.min-executors=2", "wait.executors-seconds=3"),
          "waited 3 s for 2 executors \\(spark.min-executors\\) on "
              + cluster.master()
              + ", found [01]");
      assertThat(processes.run()).doesNotExist();

      Process process = processes.start(submitted, begin("spark.min-executors=1", "stop.rounds=2"));
      processes.assertEnds(process, 0);
    }
  }

  @Test
  @Tag("cluster")
  void aMasterThatDoesNotExistEndsTheRun() throws IOException, InterruptedException {
    assertFails(
        on("spark://127.0.0.1:1"),
        begin("wait.cluster-seconds=3"),
        "waited 3 s for Spark to start on spark://127.0.0.1:1 \\(with spark.authenticate a Master"
            + " answers only those who have its secret\\)");
    assertThat(processes.run()).doesNotExist();
  }
}
