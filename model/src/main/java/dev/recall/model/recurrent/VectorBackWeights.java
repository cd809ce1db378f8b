package dev.recall.model.recurrent;

import static dev.recall.model.recurrent.VectorMath.LANES;
import static dev.recall.model.recurrent.VectorProducts.FIVE;

/**
 * Weights [rows, 4 units] in the order in which the backward pass reads them: those of five rows
 * side by side, gate after gate of each unit; the rows that are left one by one.
 */
final class VectorBackWeights {

  private final int rows;
  private final int tiled; // rows in tiles of five
  private final int units;
  private final float[] weights; // [tiled / 5][units][4][5], then [rows - tiled][units][4]

  VectorBackWeights(int rows, int units) {
    this.rows = rows;
    this.tiled = rows / FIVE * FIVE;
    this.units = units;
    this.weights = new float[rows * 4 * units];
  }

  void pack(float[] p, int from) {
    int width = 4 * units;
    for (int k = 0; k < rows; k++) {
      int step = k < tiled ? FIVE : 1;
      int to = k < tiled ? k / FIVE * FIVE * width + k % FIVE : k * width;
      int at = from + k * width;
      for (int u = 0; u < units; u++) {
        weights[to] = p[at + u];
        weights[to + step] = p[at + units + u];
        weights[to + 2 * step] = p[at + 2 * units + u];
        weights[to + 3 * step] = p[at + 3 * units + u];
        to += 4 * step;
      }
    }
  }

  /**
   * Adds the weights' product with derivatives: {@code out[k] += sum_r weights[k][r] dz[r]}.
   *
   * @param m rows: dz [units][4][16] from dzAt, out [rows][16] from outAt
   */
  void add(float[] m, int dzAt, int outAt) {
    int width = 4 * units;
    for (int k = 0; k < tiled; k += FIVE) {
      VectorProducts.five(weights, k * width, m, dzAt, width, outAt + k * LANES);
    }
    for (int k = tiled; k < rows; k++) {
      VectorProducts.addOne(weights, k * width, m, dzAt, width, outAt + k * LANES);
    }
  }
}
