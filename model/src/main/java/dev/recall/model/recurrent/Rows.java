package dev.recall.model.recurrent;

import java.util.Arrays;

/**
 * Loops over the lanes of a row; a lane is one sequence of the batch.
 *
 * <p>Note to the maintainer. Every row is an array of its own and every loop indexes it by the
 * plain counter: C2 of JDK 17 vectorises {@code z[i] = fma(w, x[i], z[i])} but not the same loop
 * over offsets into one shared array (a constant offset is fine), and not bodies with more than
 * about eight memory references. So products over rows take two terms at a time.
 */
final class Rows {

  /**
   * Floats per row: the sequences that are worked on at a time, two blocks of the vector engine.
   */
  static final int LANES = 32;

  /** Chains per sum over time. */
  static final int CHAINS = LANES / 2;

  private Rows() {}

  /** Allocates [first][second][32]. */
  static float[][][] allocate(int first, int second) {
    return new float[first][second][LANES];
  }

  /**
   * Adds the product of a weight matrix and rows: {@code z[i] += w[base + k * stride] * x[k][i]}
   * for k in order.
   *
   * @param z [lanes], added to
   * @param w weights; entry k at base + k * stride
   * @param x [count][lanes]
   */
  static void addProduct(float[] z, float[] w, int base, int stride, float[][] x, int count) {
    int k = 0;
    for (; k + 1 < count; k += 2) {
      int at = base + k * stride;
      addTwo(z, w[at], x[k], w[at + stride], x[k + 1]);
    }
    if (k < count) {
      addOne(z, w[base + k * stride], x[k]);
    }
  }

  /** {@code z[i] = z[i] + w0 x0[i] + w1 x1[i]}, fused and in this order. */
  static void addTwo(float[] z, float w0, float[] x0, float w1, float[] x1) {
    for (int i = 0; i < z.length; i++) {
      z[i] = Math.fma(w1, x1[i], Math.fma(w0, x0[i], z[i]));
    }
  }

  private static void addOne(float[] z, float w, float[] x) {
    for (int i = 0; i < z.length; i++) {
      z[i] = Math.fma(w, x[i], z[i]);
    }
  }

  /**
   * Sums {@code a[t][row] * b[t - shift][column]} over time steps and lanes: sixteen chains, each
   * over the steps of a lane and then over those of the lane sixteen further on; then the chains by
   * {@link #sum}.
   *
   * @param chains [16], overwritten
   */
  static float sumOfProducts(
      float[][][] a,
      int row,
      float[][][] b,
      int column,
      int shift,
      int from,
      int to,
      float[] chains) {
    Arrays.fill(chains, 0f);
    for (int t = from; t < to; t++) {
      multiplyLow(chains, a[t][row], b[t - shift][column]);
    }
    for (int t = from; t < to; t++) {
      multiplyHigh(chains, a[t][row], b[t - shift][column]);
    }
    return sum(chains);
  }

  private static void multiplyLow(float[] chains, float[] a, float[] b) {
    for (int i = 0; i < CHAINS; i++) {
      chains[i] = Math.fma(a[i], b[i], chains[i]);
    }
  }

  private static void multiplyHigh(float[] chains, float[] a, float[] b) {
    for (int i = 0; i < CHAINS; i++) {
      chains[i] = Math.fma(a[i + CHAINS], b[i + CHAINS], chains[i]);
    }
  }

  /** Sums {@code a[t][row]} over time steps and lanes in the order of {@link #sumOfProducts}. */
  static float sumOfRows(float[][][] a, int row, int to, float[] chains) {
    Arrays.fill(chains, 0f);
    for (int t = 0; t < to; t++) {
      addLow(chains, a[t][row]);
    }
    for (int t = 0; t < to; t++) {
      addHigh(chains, a[t][row]);
    }
    return sum(chains);
  }

  private static void addLow(float[] chains, float[] a) {
    for (int i = 0; i < CHAINS; i++) {
      chains[i] += a[i];
    }
  }

  private static void addHigh(float[] chains, float[] a) {
    for (int i = 0; i < CHAINS; i++) {
      chains[i] += a[i + CHAINS];
    }
  }

  /** Sums numbers, a power of two of them, by halves: 16 to 8 to 4 to 2 to 1. Overwrites them. */
  static float sum(float[] numbers) {
    for (int half = numbers.length / 2; half > 0; half /= 2) {
      for (int i = 0; i < half; i++) {
        numbers[i] += numbers[half + i];
      }
    }
    return numbers[0];
  }
}
