package dev.recall.model.recurrent;

import dev.recall.datagen.SequenceBatch;
import dev.recall.model.GradientSum;
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

  private float[][][] y = {}; // [T][outputs][lanes]; backward: derivatives
  private float[] sum = {}; // [lanes]
  private float[] loss = {}; // [lanes]
  private float[] weight = {}; // [lanes]

  ReadOut(int inputs, int outputs, ParameterLayout layout) {
    this.inputs = inputs;
    this.outputs = outputs;
    this.w = layout.offset("out.w");
    this.b = layout.offset("out.b");
  }

  void reserve(int steps, int lanes) {
    if (y.length < steps || sum.length != lanes) {
      y = Rows.allocate(steps, outputs, lanes);
      sum = new float[lanes];
      loss = new float[lanes];
      weight = new float[lanes];
    }
  }

  /** Outputs of the last forward pass, [T][outputs][lanes]. */
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
   * Turns outputs into derivatives 2 w (y - target) and adds loss and weight to the total. Each
   * lane has sums of its own over time; the lanes are then summed by the tree of {@link Rows}.
   */
  void loss(SequenceBatch batch, GradientSum total) {
    Arrays.fill(loss, 0);
    Arrays.fill(weight, 0);
    for (int t = 0; t < batch.steps(); t++) {
      for (int j = 0; j < outputs; j++) {
        int first = t * batch.batchSize() * outputs + j;
        lossOfRow(y[t][j], batch, first);
      }
    }
    total.addLoss(Rows.laneSum(loss), Rows.laneSum(weight));
  }

  private void lossOfRow(float[] row, SequenceBatch batch, int first) {
    float[] targets = batch.targets();
    float[] weights = batch.weights();
    int sequences = batch.batchSize();
    for (int lane = 0, at = first; lane < sequences; lane++, at += outputs) {
      float error = row[lane] - targets[at];
      float weighted = weights[at] * error;
      loss[lane] = Math.fma(weighted, error, loss[lane]);
      weight[lane] += weights[at];
      row[lane] = 2f * weighted;
    }
    Arrays.fill(row, sequences, row.length, 0f);
  }

  /**
   * Adds the read-out's gradient after {@link #loss} and passes derivatives down.
   *
   * @param h [T][inputs][lanes], what the forward pass read
   * @param dh [T][inputs][lanes], overwritten
   */
  void backward(float[] p, float[][][] h, float[][][] dh, int steps, float[] gradient) {
    for (int t = 0; t < steps; t++) {
      for (int k = 0; k < inputs; k++) {
        Arrays.fill(dh[t][k], 0);
        Rows.addProduct(dh[t][k], p, w + k * outputs, 1, y[t], outputs);
      }
    }
    for (int j = 0; j < outputs; j++) {
      gradient[b + j] += Rows.sum(y, j, steps, sum);
      for (int k = 0; k < inputs; k++) {
        gradient[w + k * outputs + j] += Rows.sumOfProducts(y, j, h, k, 0, 0, steps, sum);
      }
    }
  }
}
