package dev.recall.job.store.crash;

import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** SIGKILL at operations on an object store, requests that are on their way included. */
@Tag("cluster")
class ObjectStoreCrashTest {

  @TempDir private Path folder;

  @Test
  void noKillLosesMoreThanTheRoundsSinceTheLastCheckpoint() throws Exception {
    try (ObjectStore store = new ObjectStore(folder);
        KillEverywhere kills = new KillEverywhere(store.place(), folder, false)) {
      kills.run();
    }
  }
}
