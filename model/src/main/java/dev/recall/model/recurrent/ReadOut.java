package dev.recall.model.recurrent;

import dev.recall.datagen.SequenceBatch;
import dev.recall.model.ParameterLayout;
import java.util.Arrays;

/**
 * The linear read-out y = h w + b at every time step, with the weighted squared error behind it.
 */
final class ReadOut {

  private final int inputs;
  private final int outputs;
  private final int w; // offset of [inputs, outputs]
  private final int b; // offset of [outputs]

  private float[][][] y = {}; // [T][outputs][32]; backward: derivatives
  private final float[] chains = new float[Rows.CHAINS];
  private final float[] loss = new float[Rows.LANES];
  private final float[] weight = new float[Rows.LANES];

  ReadOut(int inputs, int outputs, ParameterLayout layout) {
    this.inputs = inputs;
    this.outputs = outputs;
    this.w = layout.offset("out.w");
    this.b = layout.offset("out.b");
  }

  void reserve(int steps) {
    if (y.length < steps) {
      y = Rows.allocate(steps, outputs);
    }
  }

  /** Outputs of the last forward pass, [T][outputs][32]. */
  float[][][] outputs() {
    return y;
  }

  void forward(float[] p, float[][][] h, int steps) {
    for (int t = 0; t < steps; t++) {
      for (int j = 0; j < outputs; j++) {
        Arrays.fill(y[t][j], p[b + j]);
        Rows.addProduct(y[t][j], p, w + j, outputs, h[t], inputs);
      }
    }
  }

  /**
   * Turns the outputs of some sequences of a batch into derivatives 2 w (y - target). Each lane has
   * sums of its own over time; {@link #totalLoss} and {@link #totalWeight} sum them over lanes.
   *
   * @param first first sequence
   * @param count number of sequences; the lanes behind them get zeros
   */
  void loss(SequenceBatch batch, int first, int count) {
    Arrays.fill(loss, 0);
    Arrays.fill(weight, 0);
    for (int t = 0; t < batch.steps(); t++) {
      for (int j = 0; j < outputs; j++) {
        lossOfRow(y[t][j], batch, (t * batch.batchSize() + first) * outputs + j, count);
      }
    }
  }

  private void lossOfRow(float[] row, SequenceBatch batch, int first, int count) {
    float[] targets = batch.targets();
    float[] weights = batch.weights();
    for (int lane = 0, at = first; lane < count; lane++, at += outputs) {
      float error = row[lane] - targets[at];
      float weighted = weights[at] * error;
      loss[lane] = Math.fma(weighted, error, loss[lane]);
      weight[lane] += weights[at];
      row[lane] = 2f * weighted;
    }
    Arrays.fill(row, count, row.length, 0f);
  }

  /** Loss of the sequences of the last {@link #loss}; to be called once. */
  float totalLoss() {
    return Rows.sum(loss);
  }

  /** Weight of the sequences of the last {@link #loss}; to be called once. */
  float totalWeight() {
    return Rows.sum(weight);
  }

  /**
   * Adds the read-out's gradient after {@link #loss} and passes derivatives down.
   *
   * @param h [T][inputs][32], what the forward pass read
   * @param dh [T][inputs][32], overwritten
   */
  void backward(float[] p, float[][][] h, float[][][] dh, int steps, float[] gradient) {
    for (int t = 0; t < steps; t++) {
      for (int k = 0; k < inputs; k++) {
        Arrays.fill(dh[t][k], 0);
        Rows.addProduct(dh[t][k], p, w + k * outputs, 1, y[t], outputs);
      }
    }
    for (int j = 0; j < outputs; j++) {
      gradient[b + j] += Rows.sumOfRows(y, j, steps, chains);
      for (int k = 0; k < inputs; k++) {
        gradient[w + k * outputs + j] += Rows.sumOfProducts(y, j, h, k, 0, 0, steps, chains);
      }
    }
  }
}
