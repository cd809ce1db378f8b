package dev.recall.model;

import dev.recall.model.ParameterLayout.Block;

/**
 * {@link GlorotInitializer} with gate biases for memory over many steps: the chrono initialisation
 * of Tallec and Ollivier (2018), "Can recurrent neural networks warp time?", equation 16.
 *
 * <pre>
 * b_f = log u,  u ~ U(1, T - 1)          for each unit
 * b_i = -b_f
 * </pre>
 *
 * <p>A forget gate sigmoid(log u) = u / (1 + u) lets the cell decay over some 1 + u steps, so the
 * units' memories are spread evenly over 2 to T steps, and the input gates are closed accordingly.
 * Weights are those of {@link GlorotInitializer} for the same seed.
 *
 * @param steps T, the number of steps over which a value may have to be held, at least 2
 * @param recurrentGain factor on the orthogonal recurrent blocks, above 0
 */
public record ChronoInitializer(int steps, double recurrentGain) implements Initializer {

  /**
   * Checks the numbers.
   *
   * @param steps as above
   * @param recurrentGain as above
   */
  public ChronoInitializer {
    if (steps < 2) {
      throw new IllegalArgumentException("chrono-steps: expected at least 2, found " + steps);
    }
    GlorotInitializer.checkGain(recurrentGain);
  }

  @Override
  public float[] initialize(RegressorSpec spec, long seed) {
    float[] parameters = new GlorotInitializer(0, recurrentGain).initialize(spec, seed);
    BlockRandom random = BlockRandom.ofBiases(seed, parameters);
    for (Block block : spec.layout().blocks()) {
      if (GlorotInitializer.isGateBias(block)) {
        int size = block.length() / 4;
        int input = block.offset(); // order i f c o
        int forget = input + size;
        random.uniform(forget, size);
        for (int unit = 0; unit < size; unit++) {
          double u = 1 + (steps - 2.0) * parameters[forget + unit];
          parameters[forget + unit] = (float) StrictMath.log(u);
          parameters[input + unit] = -parameters[forget + unit];
        }
      }
    }
    return parameters;
  }
}
