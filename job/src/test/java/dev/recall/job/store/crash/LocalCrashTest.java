package dev.recall.job.store.crash;

import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** SIGKILL at every operation on the local disk. */
class LocalCrashTest {

  @TempDir private Path folder;

  @Test
  void noKillLosesMoreThanTheRoundsSinceTheLastCheckpoint() throws Exception {
    Place place =
        new Place(
            "local",
            folder.toUri().toString().replaceAll("/$", ""),
            Map.of(),
            Map.of("fs.file.impl", KillingLocalFileSystem.class.getName()));
    try (KillEverywhere kills = new KillEverywhere(place, folder, true)) {
      kills.run();
    }
  }
}
