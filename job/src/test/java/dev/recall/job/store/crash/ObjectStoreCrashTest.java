package dev.recall.job.store.crash;

import static org.assertj.core.api.Assertions.assertThat;

import com.amazonaws.services.s3.model.ListMultipartUploadsRequest;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
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

  @Test
  @EnabledIfSystemProperty(named = "recall.crash", matches = "all")
  void noKillLeavesARegistryWithoutAWholeModelInService() throws Exception {
    try (ObjectStore store = new ObjectStore(folder);
        KillRegistry kills = new KillRegistry(store.place(), folder, false)) {
      kills.run();
    }
  }

  @Test
  void aWriteThatFailsHalfWayLeavesTheOldObject() throws Exception {
    try (ObjectStore store = new ObjectStore(folder)) {
      new FailedWrites(store.place(), folder).run();
      assertThat(
              store
                  .client()
                  .listMultipartUploads(new ListMultipartUploadsRequest(store.bucket()))
                  .getMultipartUploads())
          .isEmpty();
    }
  }
}
