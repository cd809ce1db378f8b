package dev.recall.job.store.crash;

import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** SIGKILL at every operation on the local disk. */
@Tag("slow")
class LocalCrashTest {

  @TempDir private Path folder;

  @Test
  void noKillLosesMoreThanTheRoundsSinceTheLastCheckpoint() throws Exception {
    try (KillEverywhere kills = new KillEverywhere(place(), folder, true)) {
      kills.run();
    }
  }

  @Test
  void noKillLeavesARegistryWithoutAWholeModelInService() throws Exception {
    try (KillRegistry kills = new KillRegistry(place(), folder, true)) {
      kills.run();
    }
  }

  @Test
  void aWriteThatFailsHalfWayLeavesTheOldFile() throws Exception {
    new FailedWrites(place(), folder).run();
  }

  private Place place() {
    return Place.local(folder);
  }
}
