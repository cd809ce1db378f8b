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

  /** Turns outputs into derivatives 2 w (y - target) and adds loss and weight to the sum. */
  void loss(SequenceBatch batch, GradientSum total) {
    double loss = 0;
    double weight = 0;
    int at = 0;
    for (int t = 0; t < batch.steps(); t++) {
      for (int lane = 0; lane < batch.batchSize(); lane++) {
        for (int j = 0; j < outputs; j++, at++) {
          float lossWeight = batch.weights()[at];
          float error = y[t][j][lane] - batch.targets()[at];
          float derivative = lossWeight * error;
          loss += (double) derivative * error;
          weight += lossWeight;
          y[t][j][lane] = 2f * derivative;
        }
      }
      for (int j = 0; j < outputs; j++) {
        Arrays.fill(y[t][j], batch.batchSize(), sum.length, 0f);
      }
    }
    total.addLoss(loss, weight);
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
