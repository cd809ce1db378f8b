package dev.recall.model;

import dev.recall.datagen.SequenceBatch;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;

/**
 * A shape to try an engine on: awkward sizes on purpose.
 *
 * @param steps T
 * @param batchSize B
 * @param inputs inputs per step
 * @param sizes units of each LSTM layer
 * @param outputs outputs per step
 * @param peepholes whether the layers have peepholes
 */
public record EngineCase(
    int steps, int batchSize, int inputs, List<Integer> sizes, int outputs, boolean peepholes) {

  public static Stream<EngineCase> all() {
    return Stream.of(true, false)
        .flatMap(
            peepholes ->
                Stream.of(
                    new EngineCase(1, 1, 1, List.of(1), 1, peepholes),
                    new EngineCase(1, 33, 3, List.of(2), 2, peepholes),
                    new EngineCase(2, 1, 1, List.of(1), 1, peepholes),
                    new EngineCase(20, 32, 1, List.of(10), 1, peepholes), // the seed
                    new EngineCase(20, 1, 1, List.of(10), 1, peepholes),
                    new EngineCase(7, 3, 2, List.of(5), 3, peepholes),
                    new EngineCase(5, 15, 3, List.of(4), 1, peepholes),
                    new EngineCase(6, 16, 1, List.of(7), 2, peepholes),
                    new EngineCase(9, 17, 2, List.of(3), 2, peepholes),
                    new EngineCase(4, 32, 4, List.of(8), 4, peepholes),
                    new EngineCase(8, 33, 1, List.of(1), 5, peepholes),
                    new EngineCase(3, 48, 5, List.of(9), 1, peepholes),
                    new EngineCase(50, 2, 1, List.of(16), 1, peepholes),
                    new EngineCase(7, 3, 3, List.of(5, 4), 2, peepholes),
                    new EngineCase(6, 17, 1, List.of(3, 8), 1, peepholes),
                    new EngineCase(5, 9, 2, List.of(4, 1, 6), 3, peepholes),
                    new EngineCase(1, 16, 1, List.of(2, 3), 1, peepholes)));
  }

  public RegressorSpec spec() {
    List<CellSpec> cells = new ArrayList<>();
    sizes.forEach(size -> cells.add(new LstmSpec(size, peepholes)));
    return new RegressorSpec(inputs, cells, outputs);
  }

  /** Parameters N(0, deviation), the same ones every time. */
  public float[] parameters(double deviation) {
    Random random = new Random(41);
    float[] parameters = new float[spec().layout().size()];
    for (int i = 0; i < parameters.length; i++) {
      parameters[i] = (float) (deviation * random.nextGaussian());
    }
    return parameters;
  }

  /**
   * Inputs and targets N(0,1); weights U(0,1), a third of them zero, and every third step without
   * any weight. The last step counts everywhere.
   */
  public SequenceBatch batch(long seed) {
    Random random = new Random(seed);
    SequenceBatch batch = new SequenceBatch(steps, batchSize, inputs, outputs);
    for (int i = 0; i < batch.inputs().length; i++) {
      batch.inputs()[i] = (float) random.nextGaussian();
    }
    int row = batchSize * outputs;
    for (int i = 0; i < batch.targets().length; i++) {
      int step = i / row;
      float weight = random.nextFloat();
      boolean zero = step < steps - 1 && (step % 3 == 1 || random.nextInt(3) == 0);
      batch.targets()[i] = (float) random.nextGaussian();
      batch.weights()[i] = zero ? 0f : weight + 0.01f;
    }
    return batch;
  }
}
