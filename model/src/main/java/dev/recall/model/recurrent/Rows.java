package dev.recall.model.recurrent;

import java.util.Arrays;

/**
 * Loops over the lanes of a row; a lane is one sequence of the batch.
 *
 * <p>Note to the maintainer. Every row is an array of its own and every loop indexes it by the
 * plain counter: C2 of JDK 17 vectorises {@code z[i] = fma(w, x[i], z[i])} but not the same loop
 * over offsets into one shared array, and not bodies with more than about eight memory references.
 * So products over rows take two terms at a time.
 */
final class Rows {

  /** Rows are padded with zeros to a multiple of this, the width of the lane sum's tree. */
  static final int LANES = 16;

  private Rows() {}

  /** Smallest multiple of {@link #LANES} that holds a batch. */
  static int padded(int batchSize) {
    return (batchSize + LANES - 1) / LANES * LANES;
  }

  /** Allocates [first][second][lanes]. */
  static float[][][] allocate(int first, int second, int lanes) {
    return new float[first][second][lanes];
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

  private static void addTwo(float[] z, float w0, float[] x0, float w1, float[] x1) {
    for (int i = 0; i < z.length; i++) {
      z[i] = Math.fma(w1, x1[i], Math.fma(w0, x0[i], z[i]));
    }
  }

  private static void addOne(float[] z, float w, float[] x) {
    for (int i = 0; i < z.length; i++) {
      z[i] = Math.fma(w, x[i], z[i]);
    }
  }

  /** Sums {@code a[t][row] * b[t][column]} over time steps from..to and over the lanes. */
  static float sumOfProducts(
      float[][][] a, int row, float[][][] b, int column, int shift, int from, int to, float[] sum) {
    Arrays.fill(sum, 0);
    int t = from;
    for (; t + 1 < to; t += 2) {
      multiplyTwo(sum, a[t][row], b[t - shift][column], a[t + 1][row], b[t + 1 - shift][column]);
    }
    if (t < to) {
      multiplyOne(sum, a[t][row], b[t - shift][column]);
    }
    return laneSum(sum);
  }

  private static void multiplyTwo(float[] sum, float[] a0, float[] b0, float[] a1, float[] b1) {
    for (int i = 0; i < sum.length; i++) {
      sum[i] = Math.fma(a1[i], b1[i], Math.fma(a0[i], b0[i], sum[i]));
    }
  }

  private static void multiplyOne(float[] sum, float[] a, float[] b) {
    for (int i = 0; i < sum.length; i++) {
      sum[i] = Math.fma(a[i], b[i], sum[i]);
    }
  }

  /** Sums {@code a[t][row]} over time steps and lanes. */
  static float sum(float[][][] a, int row, int to, float[] sum) {
    Arrays.fill(sum, 0);
    for (int t = 0; t < to; t++) {
      float[] x = a[t][row];
      for (int i = 0; i < sum.length; i++) {
        sum[i] += x[i];
      }
    }
    return laneSum(sum);
  }

  /**
   * Sums a row in one written-down order: blocks of 16 lanes one after the other into the first,
   * then 16 to 8 to 4 to 2 to 1 by halves. Overwrites the first 16 lanes.
   */
  static float laneSum(float[] row) {
    for (int block = LANES; block < row.length; block += LANES) {
      for (int i = 0; i < LANES; i++) {
        row[i] += row[block + i];
      }
    }
    for (int half = LANES / 2; half > 0; half /= 2) {
      for (int i = 0; i < half; i++) {
        row[i] += row[half + i];
      }
    }
    return row[0];
  }
}
