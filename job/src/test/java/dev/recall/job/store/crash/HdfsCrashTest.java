package dev.recall.job.store.crash;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.recall.job.Commands;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
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

  @Test
  void aDatanodeThatStopsDoesNotChangeTheResult() throws Exception {
    List<String> settings = new ArrayList<>(KillEverywhere.SETTINGS);
    settings.addAll(List.of("stop.rounds=30", "checkpoint.every-rounds=1"));
    String whole = folder.resolve("whole").toUri().toString();
    assertThat(Commands.recall(at(whole, settings)).exitCode()).isZero();

    Place place = hdfs.place();
    RunFigures runs = new RunFigures(place.plain());
    String run = place.uri() + "/datanode";
    Place.Reached reached = place.reach();
    try {
      CompletableFuture<Commands.Result> training =
          CompletableFuture.supplyAsync(() -> Commands.recall(at(run, settings)));
      await().until(() -> training.isDone() || runs.names(run + "/metrics").size() >= 5);
      hdfs.stopADatanode();
      assertThat(training).isNotDone();
      assertThat(training.get(60, TimeUnit.SECONDS).exitCode()).isZero();
    } finally {
      reached.close();
    }
    assertThat(runs.result(run)).isEqualTo(runs.result(whole));
    System.out.println("hdfs: a datanode stopped, same result");
  }

  private static List<String> at(String run, List<String> settings) {
    return Commands.with(settings, "train", "--without-spark", "--run", run);
  }

  @Test
  void aWriteThatFailsHalfWayLeavesTheOldFile() throws Exception {
    new FailedWrites(hdfs.place(), folder).run();
  }
}
