package dev.recall.datagen;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class RandomKernelsTest {
  private static final MemoryTask TASK = new MemoryTask(20, 3, 1, 32, Targets.ALL);

  /** When the kernel changes depends on the machine; some of these batches may be the vector's. */
  @Test
  void batchesAreThoseOfThePlainKernelBeforeAndAfterTheChange() {
    SequenceBatch changing =
        new SequenceBatch(20, 32, 1, 1, new RandomKernels(new PlainKernel(), 0));
    SequenceBatch plain =
        new SequenceBatch(20, 32, 1, 1, new RandomKernels(new PlainKernel(), Long.MAX_VALUE));
    for (int step = 0; step < 20_000; step++) {
      BatchKey key = new BatchKey(5, Purpose.TRAINING, 0, 0, step);
      TASK.generate(key, changing);
      TASK.generate(key, plain);
      assertThat(Arrays.equals(changing.inputs(), plain.inputs())).as(key.toString()).isTrue();
      assertThat(Arrays.equals(changing.targets(), plain.targets())).as(key.toString()).isTrue();
    }
  }

  @Test
  void theFirstKernelIsThePlainOne() {
    assertThat(new RandomKernels().open(new BatchKey(5, Purpose.TEST, 0, 0, 0), 0))
        .isInstanceOf(PlainKernel.class);
  }

  @Test
  void aBatchesStreamIsTheKeysStream() {
    SequenceBatch batch = TASK.newBatch();
    for (int step = 0; step < 3; step++) {
      BatchKey key = new BatchKey(5, Purpose.TEST, 0, 0, step);
      float[] expected = new float[100];
      float[] found = new float[100];
      key.stream().gaussians(expected, 0, 100);
      batch.stream(key).gaussians(found, 0, 100);
      assertThat(found).isEqualTo(expected);
    }
  }

  @Test
  void withoutTheModuleTheBitsAreTheSame() throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                WithoutModule.class.getName())
            .redirectErrorStream(true)
            .start();
    String output = new String(process.getInputStream().readAllBytes(), UTF_8);
    assertThat(process.waitFor()).as(output).isZero();
    assertThat(output.strip()).isEqualTo("no vector kernel, " + hash());
  }

  private static int hash() {
    SequenceBatch batch = new SequenceBatch(20, 32, 1, 1, new RandomKernels(new PlainKernel(), 0));
    int hash = 0;
    for (int step = 0; step < 100; step++) {
      TASK.generate(new BatchKey(5, Purpose.TRAINING, 0, 0, step), batch);
      hash = 31 * (31 * hash + Arrays.hashCode(batch.inputs())) + Arrays.hashCode(batch.targets());
    }
    return hash;
  }

  /** What the second JVM runs. */
  static final class WithoutModule {
    private WithoutModule() {}

    public static void main(String[] args) {
      String found = RandomKernels.vector().isEmpty() ? "no vector kernel, " : "vector kernel, ";
      System.out.println(found + hash());
    }
  }
}
