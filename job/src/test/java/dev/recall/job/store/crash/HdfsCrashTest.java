package dev.recall.job.store.crash;

import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
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
  void noKillLosesMoreThanTheRoundsSinceTheLastCheckpoint() throws Exception {
    try (KillEverywhere kills = new KillEverywhere(hdfs.place(), folder, false)) {
      kills.run();
    }
  }
}
