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
  private final float[] loss; // [16]
  private final float[] weight; // [16]
  private final float[] blockLoss; // [16]
  private final float[] blockWeight; // [16]

  private int steps; // T that y has room for
  private float[] ones; // [T][16]
  private float[] y; // [outputs][T][16]; backward: derivatives

  VectorReadOut(int inputs, int outputs, ParameterLayout layout) {
    this.inputs = inputs;
    this.outputs = outputs;
    this.w = layout.offset("out.w");
    this.b = layout.offset("out.b");
    this.sums = new float[(1 + inputs) * outputs * LANES];
    this.loss = new float[LANES];
    this.weight = new float[LANES];
    this.blockLoss = new float[LANES];
    this.blockWeight = new float[LANES];
  }

  void reserve(int wanted) {
    if (steps < wanted) {
      steps = wanted;
      y = new float[outputs * steps * LANES];
      ones = new float[steps * LANES];
      Arrays.fill(ones, 1f);
    }
  }

  void begin() {
    Arrays.fill(sums, 0f);
    Arrays.fill(loss, 0f);
    Arrays.fill(weight, 0f);
  }

  void forward(float[] p, VectorLayer layer, int length) {
    for (int t = 0; t < length; t++) {
      for (int j = 0; j < outputs; j++) {
        VectorProducts.one(
            p[b + j],
            p,
            w + j,
            outputs,
            layer.history(),
            layer.outputAt(0) + t * LANES,
            layer.stride(),
            inputs,
            y,
            row(j, t));
      }
    }
  }

  private int row(int j, int t) {
    return (j * steps + t) * LANES;
  }

  /** Copies the outputs of a block of sequences to [T, B, outputs]. */
  void copyOutputs(int length, int first, int count, int batchSize, float[] out) {
    for (int t = 0; t < length; t++) {
      for (int j = 0; j < outputs; j++) {
        for (int lane = 0; lane < count; lane++) {
          out[(t * batchSize + first + lane) * outputs + j] = y[row(j, t) + lane];
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
        int row = row(j, t);
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
  void backward(float[] p, VectorLayer layer, float[] dh, int length) {
    for (int t = 0; t < length; t++) {
      for (int k = 0; k < inputs; k++) {
        VectorProducts.one(
            0f,
            p,
            w + k * outputs,
            1,
            y,
            t * LANES,
            steps * LANES,
            outputs,
            dh,
            (t * inputs + k) * LANES);
      }
    }
    int stride = layer.stride();
    for (int half = 0; half < LANES; half += WIDTH) {
      for (int j = 0; j < outputs; j++) {
        int row = row(j, 0) + half;
        VectorProducts.overTimeOne(y, row, ones, half, length, sums, j * LANES + half);
        int k = 0;
        for (; k + 4 <= inputs && outputs == 1; k += 4) {
          VectorProducts.overTimeFour(
              layer.history(),
              layer.outputAt(k) + half,
              stride,
              y,
              row,
              length,
              sums,
              (1 + k) * LANES + half);
        }
        for (; k < inputs; k++) {
          VectorProducts.overTimeOne(
              y,
              row,
              layer.history(),
              layer.outputAt(k) + half,
              length,
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
