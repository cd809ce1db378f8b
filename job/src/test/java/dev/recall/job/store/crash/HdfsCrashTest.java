package dev.recall.job.store.crash;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.recall.job.Commands;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/** SIGKILL at operations on HDFS, and a datanode that stops. */
@Tag("cluster")
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class HdfsCrashTest {

  private static final List<String> MANY_SAVES =
      Stream.concat(
              KillEverywhere.SETTINGS.stream(),
              Stream.of("stop.rounds=30", "checkpoint.every-rounds=1"))
          .toList();

  private Path folder;
  private MiniHdfs hdfs;

  @BeforeAll
  void start(@TempDir Path temporary) throws Exception {
    folder = temporary;
    hdfs = new MiniHdfs(folder);
  }

  @AfterAll
  void stop() {
    if (hdfs != null) {
      hdfs.close();
    }
  }

  @Test
  @EnabledIfSystemProperty(named = "recall.crash", matches = "all")
  void noKillLeavesARegistryWithoutAWholeModelInService() throws Exception {
    try (KillRegistry kills = new KillRegistry(hdfs.place(), folder, false)) {
      kills.run();
    }
  }

  @Test
  void noKillLosesMoreThanTheRoundsSinceTheLastCheckpoint() throws Exception {
    try (KillEverywhere kills = new KillEverywhere(hdfs.place(), folder, false)) {
      kills.run();
    }
  }

  /** Something that happens to a run. */
  private interface Fault {
    void strike(CompletableFuture<Commands.Result> run) throws Exception;
  }

  /** Lets a run of many saves begin, and something happen to it after some rounds. */
  private Commands.Result struck(String run, Fault fault) throws Exception {
    RunFigures runs = new RunFigures(hdfs.place().plain());
    Place.Reached reached = hdfs.place().reach();
    try {
      CompletableFuture<Commands.Result> training =
          CompletableFuture.supplyAsync(() -> Commands.recall(train(run)));
      await().until(() -> training.isDone() || runs.names(run + "/metrics").size() >= 5);
      assertThat(training).isNotDone();
      fault.strike(training);
      return training.get(60, TimeUnit.SECONDS);
    } finally {
      reached.close();
    }
  }

  private void assertUndisturbed(String run) throws IOException {
    String whole = folder.resolve("whole").toUri().toString();
    RunFigures runs = new RunFigures(hdfs.place().plain());
    if (!runs.has(whole)) {
      assertThat(Commands.recall(train(whole)).exitCode()).isZero();
    }
    assertThat(runs.result(run)).isEqualTo(runs.result(whole));
  }

  @Test
  void aDatanodeThatStopsDoesNotChangeTheResult() throws Exception {
    String run = hdfs.place().uri() + "/datanode";
    Commands.Result result =
        struck(
            run,
            training -> {
              hdfs.stopADatanode();
              assertThat(training).isNotDone();
            });
    assertThat(result.exitCode()).as(result.err()).isZero();
    assertUndisturbed(run);
    System.out.println("hdfs: a datanode stopped, same result");
  }

  @Test
  void aRunWhoseQuotaIsFullGoesOnWithALargerOne() throws Exception {
    String run = hdfs.place().uri() + "/quota";
    try {
      Commands.Result full = struck(run, training -> hdfs.letRunsBeFull(true));
      assertThat(full.exitCode()).as(full.err()).isEqualTo(1);
      assertThat(full.err())
          .containsPattern("failed: " + run + "/.*: The DiskSpace quota of /runs is exceeded")
          .contains("the last checkpoint is whole: " + run + "/checkpoints/round-");
    } finally {
      hdfs.letRunsBeFull(false);
    }
    Commands.Result resumed = Commands.recall("train", "--without-spark", "--resume", run);
    assertThat(resumed.exitCode()).as(resumed.err()).isZero();
    assertUndisturbed(run);
    System.out.println("hdfs: quota full, exit 1, same result with more");
  }

  private static List<String> train(String run) {
    return Commands.with(MANY_SAVES, "train", "--without-spark", "--run", run);
  }

  @Test
  void aWriteThatFailsHalfWayLeavesTheOldFile() throws Exception {
    new FailedWrites(hdfs.place(), folder).run();
  }
}
