package dev.recall.model;

import dev.recall.datagen.BatchKey;
import dev.recall.datagen.Purpose;
import dev.recall.datagen.RandomStream;
import dev.recall.model.ParameterLayout.Block;

/** Fills one parameter block after the other, each from a random stream of its own. */
final class BlockRandom {

  private final long seed;
  private final float[] parameters;
  private final int set;
  private int blocks;

  BlockRandom(long seed, float[] parameters) {
    this(seed, parameters, 0);
  }

  private BlockRandom(long seed, float[] parameters, int set) {
    this.seed = seed;
    this.parameters = parameters;
    this.set = set;
  }

  /** With streams apart from those of the constructor, for a second pass over the parameters. */
  static BlockRandom ofBiases(long seed, float[] parameters) {
    return new BlockRandom(seed, parameters, 1);
  }

  /** Fills a part of a block with U(0, 1). */
  void uniform(int offset, int length) {
    stream().uniforms(parameters, offset, length);
  }

  void normal(Block block, double mean, double deviation) {
    stream().gaussians(parameters, block.offset(), block.length());
    for (int i = 0; i < block.length(); i++) {
      int at = block.offset() + i;
      parameters[at] = (float) (mean + deviation * parameters[at]);
    }
  }

  void uniform(Block block, double limit) {
    stream().uniforms(parameters, block.offset(), block.length());
    for (int i = 0; i < block.length(); i++) {
      int at = block.offset() + i;
      parameters[at] = (float) (limit * (2.0 * parameters[at] - 1.0));
    }
  }

  /**
   * Fills a [size, 4 size] block with four square orthogonal matrices times a gain: Gaussian rows
   * made orthonormal by the modified Gram-Schmidt process, twice for accuracy.
   */
  void orthogonalGates(Block block, double gain) {
    int size = block.dimensions().get(0);
    float[] draw = new float[size * size];
    RandomStream stream = stream();
    for (int gate = 0; gate < 4; gate++) {
      stream.gaussians(draw, 0, draw.length);
      double[][] rows = new double[size][size];
      for (int r = 0; r < size; r++) {
        for (int c = 0; c < size; c++) {
          rows[r][c] = draw[r * size + c];
        }
        orthonormalize(rows, r);
        orthonormalize(rows, r);
      }
      for (int r = 0; r < size; r++) {
        for (int c = 0; c < size; c++) {
          parameters[block.offset() + r * 4 * size + gate * size + c] = (float) (gain * rows[r][c]);
        }
      }
    }
  }

  private static void orthonormalize(double[][] rows, int last) {
    for (int r = 0; r < last; r++) {
      double projection = dot(rows[r], rows[last]);
      for (int c = 0; c < rows[last].length; c++) {
        rows[last][c] -= projection * rows[r][c];
      }
    }
    double norm = Math.sqrt(dot(rows[last], rows[last]));
    for (int c = 0; c < rows[last].length; c++) {
      rows[last][c] /= norm;
    }
  }

  private static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += a[i] * b[i];
    }
    return sum;
  }

  private RandomStream stream() {
    return new BatchKey(seed, Purpose.INITIALIZATION, set, blocks++, 0).stream();
  }
}
