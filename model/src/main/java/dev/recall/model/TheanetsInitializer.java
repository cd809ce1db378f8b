package dev.recall.model;

import dev.recall.model.ParameterLayout.Block;

/**
 * The seed's initialisation: weights N(0, 1 / sqrt(rows + columns)) by standard deviation, the
 * LSTM's bias N(2, 1), peepholes and the read-out's bias N(0, 1).
 *
 * <p>The same distributions as theanets (util.py, layers/base.py), not the same numbers: those come
 * from numpy's generator.
 */
public record TheanetsInitializer() implements Initializer {

  @Override
  public float[] initialize(RegressorSpec spec, long seed) {
    ParameterLayout layout = spec.layout();
    float[] parameters = new float[layout.size()];
    BlockRandom random = new BlockRandom(seed, parameters);
    for (Block block : layout.blocks()) {
      if (block.dimensions().size() == 2) {
        int fans = block.dimensions().get(0) + block.dimensions().get(1);
        random.normal(block, 0, 1 / Math.sqrt(fans));
      } else {
        boolean gates = block.name().startsWith("hid") && block.name().endsWith(".b");
        random.normal(block, gates ? 2 : 0, 1);
      }
    }
    return parameters;
  }
}
