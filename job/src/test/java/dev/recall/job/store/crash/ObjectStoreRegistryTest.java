package dev.recall.job.store.crash;

import static org.assertj.core.api.Assertions.assertThat;

import dev.recall.job.AtOnce;
import dev.recall.job.RetrainRace;
import dev.recall.job.registry.Lease;
import dev.recall.job.registry.ModelRegistry;
import dev.recall.job.registry.Step;
import dev.recall.job.store.Storage;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Changes at the same moment where no operation creates an object only where none is. */
@Tag("cluster")
class ObjectStoreRegistryTest {

  private static final int AT_ONCE = 4;
  private static final int TIMES = 3;

  @TempDir private Path folder;

  @Test
  void ofChangesAtTheSameMomentOneHasEffect() throws Exception {
    try (ObjectStore store = new ObjectStore(folder)) {
      Storage storage = new Storage(store.place().plain());
      ModelRegistry registry = ModelRegistry.open(storage, store.place().uri(), "memory");
      for (int version = 1; version <= AT_ONCE; version++) {
        registry.publish(version, "then", "run", Map.of("model", new byte[] {(byte) version}));
      }
      for (int time = 1; time <= TIMES; time++) {
        Step decidedOn = registry.now();
        List<Optional<Step>> steps =
            atOnce(number -> registry.promote(number, decidedOn, "at once"));
        List<Step> done = steps.stream().flatMap(Optional::stream).toList();
        assertThat(done).hasSize(1);
        assertThat(registry.now()).isEqualTo(done.get(0));
        assertThat(registry.now().number()).isEqualTo(time);
      }
      oneHasTheLease(registry);
    }
  }

  private static void oneHasTheLease(ModelRegistry registry) throws Exception {
    List<Optional<Lease>> leases =
        atOnce(
            number -> {
              try {
                return Optional.of(Lease.take(registry, Duration.ofMinutes(1), line -> {}));
              } catch (Lease.Taken e) {
                return Optional.empty();
              }
            });
    List<Lease> held = leases.stream().flatMap(Optional::stream).toList();
    assertThat(held).hasSize(1);
    assertThat(held.get(0).isMine()).isTrue();
    held.get(0).close();
  }

  /** What one of them does, with its number from 1. */
  private interface Doing<T> {
    T run(int number) throws IOException;
  }

  private static <T> List<T> atOnce(Doing<T> doing) throws Exception {
    List<Callable<T>> calls = new ArrayList<>();
    for (int i = 1; i <= AT_ONCE; i++) {
      int number = i;
      calls.add(() -> doing.run(number));
    }
    return AtOnce.all(calls);
  }

  @Test
  @Tag("long")
  void ofEightRetrainingsAtTheSameMomentOneTrainsAndPublishes() throws Exception {
    try (ObjectStore store = new ObjectStore(folder)) {
      RetrainRace.of(8, folder, store.place().uri(), store.place().plain());
    }
  }
}
