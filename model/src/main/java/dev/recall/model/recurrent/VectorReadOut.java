package dev.recall.model.recurrent;

import static dev.recall.model.recurrent.VectorMath.LANES;
import static dev.recall.model.recurrent.VectorMath.WIDTH;

import dev.recall.datagen.SequenceBatch;
import dev.recall.model.GradientSum;
import dev.recall.model.ParameterLayout;
import java.util.Arrays;

/** {@link ReadOut} on one block of 16 lanes at a time: the same bits. */
final class VectorReadOut {

  private final int inputs;
  private final int outputs;
  private final int w;
  private final int b;
  private final float[] sums; // [1 + inputs][outputs][16]
  private final float[] ones; // [16]
  private final float[] loss; // [16]
  private final float[] weight; // [16]
  private final float[] blockLoss; // [16]
  private final float[] blockWeight; // [16]

  private float[] y = {}; // [T][outputs][16]; backward: derivatives

  VectorReadOut(int inputs, int outputs, ParameterLayout layout) {
    this.inputs = inputs;
    this.outputs = outputs;
    this.w = layout.offset("out.w");
    this.b = layout.offset("out.b");
    this.sums = new float[(1 + inputs) * outputs * LANES];
    this.ones = new float[LANES];
    Arrays.fill(ones, 1f);
    this.loss = new float[LANES];
    this.weight = new float[LANES];
    this.blockLoss = new float[LANES];
    this.blockWeight = new float[LANES];
  }

  void reserve(int steps) {
    if (y.length < steps * outputs * LANES) {
      y = new float[steps * outputs * LANES];
    }
  }

  void begin() {
    Arrays.fill(sums, 0f);
    Arrays.fill(loss, 0f);
    Arrays.fill(weight, 0f);
  }

  void forward(float[] p, VectorLayer layer, int steps) {
    for (int t = 0; t < steps; t++) {
      for (int j = 0; j < outputs; j++) {
        VectorProducts.one(
            p[b + j],
            p,
            w + j,
            outputs,
            layer.read(),
            layer.outputAt(t),
            inputs,
            y,
            (t * outputs + j) * LANES);
      }
    }
  }

  /** Copies the outputs of a block of sequences to [T, B, outputs]. */
  void copyOutputs(int steps, int first, int count, int batchSize, float[] out) {
    for (int t = 0; t < steps; t++) {
      for (int j = 0; j < outputs; j++) {
        for (int lane = 0; lane < count; lane++) {
          out[(t * batchSize + first + lane) * outputs + j] = y[(t * outputs + j) * LANES + lane];
        }
      }
    }
  }

  /** Turns outputs into derivatives for sequences first to first + count - 1 of a batch. */
  void loss(SequenceBatch batch, int first, int count) {
    Arrays.fill(blockLoss, 0f);
    Arrays.fill(blockWeight, 0f);
    for (int t = 0; t < batch.steps(); t++) {
      for (int j = 0; j < outputs; j++) {
        int at = (t * batch.batchSize() + first) * outputs + j;
        int row = (t * outputs + j) * LANES;
        lossOfRow(row, batch.targets(), batch.weights(), at, count);
        Arrays.fill(y, row + count, row + LANES, 0f);
      }
    }
    for (int lane = 0; lane < LANES; lane++) {
      loss[lane] += blockLoss[lane];
      weight[lane] += blockWeight[lane];
    }
  }

  private void lossOfRow(int row, float[] targets, float[] weights, int first, int count) {
    for (int lane = 0, at = first; lane < count; lane++, at += outputs) {
      float error = y[row + lane] - targets[at];
      float weighted = weights[at] * error;
      blockLoss[lane] = Math.fma(weighted, error, blockLoss[lane]);
      blockWeight[lane] += weights[at];
      y[row + lane] = 2f * weighted;
    }
  }

  /**
   * Passes derivatives down and adds to the sums.
   *
   * @param dh [T][inputs][16], overwritten
   */
  void backward(float[] p, VectorLayer layer, float[] dh, int steps) {
    for (int t = 0; t < steps; t++) {
      for (int k = 0; k < inputs; k++) {
        VectorProducts.one(
            0f,
            p,
            w + k * outputs,
            1,
            y,
            t * outputs * LANES,
            outputs,
            dh,
            (t * inputs + k) * LANES);
      }
    }
    int step = outputs * LANES;
    for (int half = 0; half < LANES; half += WIDTH) {
      for (int j = 0; j < outputs; j++) {
        int row = j * LANES + half;
        VectorProducts.overTimeOne(y, row, step, ones, half, 0, steps, sums, row);
        for (int k = 0; k < inputs; k++) {
          VectorProducts.overTimeOne(
              y,
              row,
              step,
              layer.read(),
              layer.outputAt(0) + k * LANES + half,
              layer.step(),
              steps,
              sums,
              ((1 + k) * outputs + j) * LANES + half);
        }
      }
    }
  }

  void end(GradientSum total) {
    VectorLaneSums.add(sums, 0, outputs, total.vector(), b);
    VectorLaneSums.add(sums, outputs, inputs * outputs, total.vector(), w);
    total.addLoss(Rows.laneSum(loss), Rows.laneSum(weight));
  }
}
