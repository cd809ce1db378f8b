package dev.recall.job.spark.predict;

import static org.assertj.core.api.Assertions.assertThat;

import dev.recall.model.RegressorSpec;
import dev.recall.model.recurrent.PlainEngine;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A prediction has the bits of its sequence alone on the plain engine, in whatever company. */
class ChunksTest {

  @ParameterizedTest(name = "{0}, {1} sequences of 1 to {2} steps, seed {3}")
  @CsvSource({
    "'[1, (lstm, 10), 1]', 700, 20, 1",
    "'[1, (lstm, 4), 1]', 300, 1, 2",
    "'[3, (lstm, 5), (lstm, 17), 2]', 200, 40, 3",
    "'[1, (lstm, 3), 4]', 40, 3000, 4",
    "'[2, (lstm, 1), 1]', 1, 5, 5",
  })
  void companyAndPaddingChangeNoBit(String layers, int count, int longest, int seed) {
    Random random = new Random(seed);
    RegressorSpec spec = RegressorSpec.parse(layers, seed % 2 == 0);
    float[] parameters = gaussians(random, spec.layout().size());
    int[] steps = new int[count];
    int[] starts = new int[count];
    int end = 0;
    for (int i = 0; i < count; i++) {
      // Some of a few steps among many of the greatest length.
      steps[i] = random.nextBoolean() ? longest : 1 + random.nextInt(longest);
      starts[i] = end;
      end += steps[i] * spec.inputSize();
    }
    float[] values = gaussians(random, end);
    int[] order =
        IntStream.range(0, count)
            .boxed()
            .sorted((a, b) -> steps[b] - steps[a])
            .mapToInt(i -> i)
            .toArray();
    boolean[] seen = new boolean[count];
    new Chunks(spec, parameters)
        .run(
            order,
            count,
            steps,
            starts,
            values,
            (i, outputs, from, stride) -> {
              assertThat(seen[i]).isFalse();
              seen[i] = true;
              float[] mine = new float[steps[i] * spec.outputSize()];
              for (int t = 0; t < steps[i]; t++) {
                System.arraycopy(
                    outputs, from + t * stride, mine, t * spec.outputSize(), spec.outputSize());
              }
              assertThat(mine).isEqualTo(alone(spec, parameters, values, starts[i], steps[i]));
            });
    assertThat(seen).doesNotContain(false);
  }

  private static float[] alone(
      RegressorSpec spec, float[] parameters, float[] values, int start, int steps) {
    float[] inputs = Arrays.copyOfRange(values, start, start + steps * spec.inputSize());
    float[] outputs = new float[steps * spec.outputSize()];
    new PlainEngine(spec).predict(parameters, inputs, steps, 1, outputs);
    return outputs;
  }

  private static float[] gaussians(Random random, int count) {
    float[] values = new float[count];
    for (int i = 0; i < count; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }
}
