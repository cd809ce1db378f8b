package dev.recall.model;

import dev.recall.model.ParameterLayout.Block;
import java.util.Arrays;

/**
 * Glorot-uniform input and read-out weights, orthogonal recurrent weights, zero biases but for the
 * forget gate, zero peepholes.
 *
 * <p>Input and read-out weights are U(-l, l) with l = sqrt(6 / (rows + columns)), Glorot and Bengio
 * (2010), equation 16. Each gate's square recurrent block is orthogonal (Saxe et al., 2013) times
 * the gain; 0.5 makes the rows of all four gates together orthonormal. A forget-gate bias of 1
 * keeps the cell's memory open at the start (Jozefowicz et al., 2015); without it the memory task
 * is not learnt.
 *
 * @param forgetBias bias of the forget gates
 * @param recurrentGain factor on the orthogonal blocks, above 0
 */
public record GlorotInitializer(double forgetBias, double recurrentGain) implements Initializer {

  /**
   * Checks the numbers.
   *
   * @param forgetBias as above
   * @param recurrentGain as above
   */
  public GlorotInitializer {
    if (!Double.isFinite(forgetBias)) {
      throw new IllegalArgumentException("forget bias: expected a number, found " + forgetBias);
    }
    checkGain(recurrentGain);
  }

  static void checkGain(double recurrentGain) {
    if (!(recurrentGain > 0 && recurrentGain < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(
          "recurrent gain: expected a number above 0, found " + recurrentGain);
    }
  }

  /** Whether a block holds the biases of the four gates of a layer, in the order i f c o. */
  static boolean isGateBias(Block block) {
    return block.name().startsWith("hid") && block.name().endsWith(".b");
  }

  @Override
  public float[] initialize(RegressorSpec spec, long seed) {
    ParameterLayout layout = spec.layout();
    float[] parameters = new float[layout.size()];
    BlockRandom random = new BlockRandom(seed, parameters);
    for (Block block : layout.blocks()) {
      if (block.name().endsWith(".hh")) {
        random.orthogonalGates(block, recurrentGain);
      } else if (block.dimensions().size() == 2) {
        int fans = block.dimensions().get(0) + block.dimensions().get(1);
        random.uniform(block, Math.sqrt(6.0 / fans));
      } else if (isGateBias(block)) {
        int size = block.length() / 4;
        int from = block.offset() + size;
        Arrays.fill(parameters, from, from + size, (float) forgetBias);
      }
    }
    return parameters;
  }
}
