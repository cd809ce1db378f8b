package dev.recall.model.recurrent;

import static dev.recall.model.recurrent.VectorMath.LANES;

import dev.recall.datagen.SequenceBatch;
import dev.recall.model.GradientSum;
import dev.recall.model.ParameterLayout;
import java.util.Arrays;

/** {@link ReadOut} on blocks of 16 lanes: the same bits. */
final class VectorReadOut {

  private final VectorLayer layer; // below
  private final int inputs;
  private final int outputs;
  private final int w;
  private final int b;
  private final float[] sums; // [outputs][1 | inputs]
  private final float[] loss = new float[2 * LANES];
  private final float[] weight = new float[2 * LANES];
  private float totalLoss;
  private float totalWeight;

  private int slots; // T + 1 of the sequences at hand, as on the tape below
  private float[] memory; // of these areas
  private int y; // [2][slots][outputs][16]; backward: derivatives; the last slot always zero
  private int tile; // [4][16]

  VectorReadOut(VectorLayer layer, int outputs, ParameterLayout layout) {
    this.layer = layer;
    this.inputs = layer.size();
    this.outputs = outputs;
    this.w = layout.offset("out.w");
    this.b = layout.offset("out.b");
    this.sums = new float[outputs * (1 + inputs)];
  }

  /** Takes areas for sequences of a length. */
  void reserve(VectorMemory areas, int steps) {
    slots = steps + 1;
    y = areas.area(2 * slots * outputs * LANES);
    tile = areas.area(4 * LANES);
  }

  /** Takes the memory of the areas, filled with zeros. */
  void begin(float[] floats) {
    memory = floats;
  }

  void beginBackward() {
    Arrays.fill(sums, 0f);
    totalLoss = 0;
    totalWeight = 0;
  }

  private int rowAt(int block, int t, int j) {
    return y + ((block * slots + t) * outputs + j) * LANES;
  }

  void forward(float[] p, int block) {
    VectorTape tape = layer.tape();
    for (int t = 0; t + 1 < slots; t++) {
      int h = tape.readAt(block, t + 1, layer.outputRow(0));
      for (int j = 0; j < outputs; j++) {
        VectorProducts.one(p[b + j], p, w + j, outputs, memory, h, inputs, rowAt(block, t, j));
      }
    }
  }

  /** Copies the outputs of a block of sequences to [T, B, outputs]. */
  void copyOutputs(int block, int first, int count, int batchSize, float[] out) {
    for (int t = 0; t + 1 < slots; t++) {
      for (int lane = 0; lane < count; lane++) {
        for (int j = 0; j < outputs; j++) {
          out[(t * batchSize + first + lane) * outputs + j] = memory[rowAt(block, t, j) + lane];
        }
      }
    }
  }

  /** Turns outputs into derivatives for sequences first to first + count - 1 of a batch. */
  void loss(SequenceBatch batch, int block, int first, int count) {
    if (block == 0) {
      Arrays.fill(loss, 0f);
      Arrays.fill(weight, 0f);
    }
    for (int t = 0; t + 1 < slots; t++) {
      for (int j = 0; j < outputs; j++) {
        int at = (t * batch.batchSize() + first) * outputs + j;
        int row = rowAt(block, t, j);
        if (outputs == 1 && count == LANES) {
          VectorMath.loss(
              memory, row, batch.targets(), batch.weights(), at, loss, weight, block * LANES);
        } else {
          lossOfRow(row, batch.targets(), batch.weights(), at, block * LANES, count);
          Arrays.fill(memory, row + count, row + LANES, 0f);
        }
      }
    }
  }

  private void lossOfRow(int row, float[] targets, float[] weights, int first, int sum, int count) {
    for (int lane = 0, at = first; lane < count; lane++, at += outputs) {
      float error = memory[row + lane] - targets[at];
      float weighted = weights[at] * error;
      loss[sum + lane] = Math.fma(weighted, error, loss[sum + lane]);
      weight[sum + lane] += weights[at];
      memory[row + lane] = 2f * weighted;
    }
  }

  /**
   * Passes the derivatives of a block down.
   *
   * @param dh area [T][inputs][16], overwritten
   */
  void backward(float[] p, int block, int dh) {
    for (int t = 0; t + 1 < slots; t++) {
      int to = dh + t * inputs * LANES;
      VectorProducts.spread(p, w, outputs, memory, rowAt(block, t, 0), to, inputs);
      for (int j = 1; j < outputs; j++) {
        VectorProducts.addSpread(p, w + j, outputs, memory, rowAt(block, t, j), to, inputs);
      }
    }
  }

  /** Adds the gradient and the loss of some blocks to the sums. */
  void addGradients(int blocks) {
    totalLoss += Rows.sum(loss);
    totalWeight += Rows.sum(weight);
    for (int j = 0; j < outputs; j++) {
      int to = j * (1 + inputs);
      overTime(blocks, j, 0, 1, to);
      for (int k = 0; k < inputs; k += 4) {
        overTime(blocks, j, layer.outputRow(k), Math.min(4, inputs - k), to + 1 + k);
      }
    }
  }

  /** Up to four rows of the slots behind the steps, with one output. */
  private void overTime(int blocks, int j, int row, int count, int to) {
    VectorTape tape = layer.tape();
    int first = Math.min(row, tape.rows() - 4);
    VectorProducts.overTimeFour(
        memory,
        rowAt(0, 0, j),
        outputs * LANES,
        tape.readAt(0, 1, first),
        tape.readStride(),
        tape.turns(blocks),
        tile);
    VectorLaneSums.add(memory, tile + (row - first) * LANES, count, sums, to);
  }

  /** Adds the sums to the gradient and the loss. */
  void end(GradientSum total) {
    float[] gradient = total.vector();
    for (int j = 0; j < outputs; j++) {
      int from = j * (1 + inputs);
      gradient[b + j] += sums[from];
      for (int k = 0; k < inputs; k++) {
        gradient[w + k * outputs + j] += sums[from + 1 + k];
      }
    }
    total.addLoss(totalLoss, totalWeight);
  }
}
