package dev.recall.model.recurrent;

import static dev.recall.model.recurrent.VectorMath.LANES;
import static dev.recall.model.recurrent.VectorMath.WIDTH;

import dev.recall.model.LstmSpec;
import dev.recall.model.ParameterLayout;
import java.util.Arrays;

/**
 * {@link LstmLayer} on one block of 16 lanes at a time, with the Vector API: the same bits.
 *
 * <p>Note to the maintainer. What the gates of a step read lies in one run of rows, [1 | inputs |
 * outputs of the step before], so that biases are weights like all others and each weight's
 * gradient is a sum of products of two rows over time. Those sums want the steps of a row side by
 * side, the passes of a step want the rows side by side: so what both need is stored twice, in the
 * small array of the step and in a history [row][time]. Weights are packed once per call in the
 * order in which the tiles read them. Gradients are kept per lane, [row read][row of z][16], over
 * all blocks, and summed over lanes once per call.
 */
final class VectorLayer {

  private final int inputs;
  private final int size;
  private final boolean peepholes;
  private final int rows; // 1 + inputs + size
  private final int width; // 4 size
  private final int xh;
  private final int hh;
  private final int b;
  private final int ci;

  private final float[] gateWeights; // [size][rows][4]
  private final float[] backWeights; // [size / 5][4 size][5], rest [4 size] each
  private final float[] belowWeights; // [inputs][4 size]
  private final float[] peepholeWeights; // [3][size]
  private final float[] sums; // [rows][4 size][16], then [3][size][16]

  private final float[] now; // [rows][16], what the gates of the step at hand read
  private final float[] cell; // [size][16]
  private final float[] dCell; // [size][16]
  private final float[] dHidden; // [size][16]
  private final float[] dGates; // [4 size][16]

  private int steps; // T that the arrays below have room for
  private float[] gates; // [T][4 size][16], order i f c o
  private float[] tanhCell; // [T][size][16]
  private float[] readHistory; // [rows][T + 1][16]; outputs of step t at slot t + 1
  private float[] cellHistory; // [size][T + 1][16]; cells of step t at slot t + 1
  private float[] dGatesHistory; // [4 size][T][16]

  VectorLayer(LstmSpec spec, int inputs, String name, ParameterLayout layout) {
    this.inputs = inputs;
    this.size = spec.size();
    this.peepholes = spec.peepholes();
    this.rows = 1 + inputs + size;
    this.width = 4 * size;
    this.xh = layout.offset(name + ".xh");
    this.hh = layout.offset(name + ".hh");
    this.b = layout.offset(name + ".b");
    this.ci = peepholes ? layout.offset(name + ".ci") : -1;
    this.gateWeights = new float[size * rows * 4];
    this.backWeights = new float[size * width];
    this.belowWeights = new float[inputs * width];
    this.peepholeWeights = new float[3 * size];
    this.sums = new float[(rows * width + 3 * size) * LANES];
    this.now = new float[rows * LANES];
    Arrays.fill(now, 0, LANES, 1f);
    this.cell = new float[size * LANES];
    this.dGates = new float[width * LANES];
    this.dCell = new float[size * LANES];
    this.dHidden = new float[size * LANES];
  }

  int size() {
    return size;
  }

  /** Makes room for sequences of a length; room for longer ones stays. */
  void reserve(int wanted) {
    if (steps >= wanted) {
      return;
    }
    steps = wanted;
    gates = new float[steps * width * LANES];
    tanhCell = new float[steps * size * LANES];
    readHistory = new float[rows * stride()];
    Arrays.fill(readHistory, 0, stride(), 1f);
    cellHistory = new float[size * stride()];
    dGatesHistory = new float[width * steps * LANES];
  }

  /** What the layer reads and puts out, by rows; see {@link #inputAt} and {@link #outputAt}. */
  float[] history() {
    return readHistory;
  }

  /** Distance between rows of the history. */
  int stride() {
    return (steps + 1) * LANES;
  }

  /** Input k of step 0; the next steps follow, 16 floats each. */
  int inputAt(int k) {
    return (1 + k) * stride();
  }

  /** Output u of step 0; the next steps follow, 16 floats each. */
  int outputAt(int u) {
    return (1 + inputs + u) * stride() + LANES;
  }

  /** Packs the weights and clears the gradient sums: once per call of the engine. */
  void begin(float[] p) {
    for (int u = 0; u < size; u++) {
      for (int gate = 0; gate < 4; gate++) {
        int r = gate * size + u;
        int to = u * rows * 4 + gate;
        gateWeights[to] = p[b + r];
        for (int k = 0; k < inputs; k++) {
          gateWeights[to + 4 * (1 + k)] = p[xh + k * width + r];
        }
        for (int k = 0; k < size; k++) {
          gateWeights[to + 4 * (1 + inputs + k)] = p[hh + k * width + r];
        }
      }
    }
    if (peepholes) {
      System.arraycopy(p, ci, peepholeWeights, 0, 3 * size);
    }
  }

  /** Packs what only the backward pass needs. */
  void beginBackward(float[] p) {
    int tiled = size / VectorProducts.FIVE * VectorProducts.FIVE;
    for (int u = 0; u < tiled; u++) {
      int to = u / VectorProducts.FIVE * VectorProducts.FIVE * width + u % VectorProducts.FIVE;
      for (int r = 0; r < width; r++) {
        backWeights[to + r * VectorProducts.FIVE] = p[hh + u * width + r];
      }
    }
    System.arraycopy(p, hh + tiled * width, backWeights, tiled * width, (size - tiled) * width);
    System.arraycopy(p, xh, belowWeights, 0, inputs * width);
    Arrays.fill(sums, 0f);
  }

  /** Runs all steps of one block from the zero state; the inputs are in the history. */
  void forward(int length) {
    int count = size * LANES;
    int stride = stride();
    Arrays.fill(now, (1 + inputs) * LANES, rows * LANES, 0f);
    Arrays.fill(cell, 0f);
    for (int t = 0; t < length; t++) {
      int z = t * width * LANES;
      for (int k = 0; k < inputs; k++) {
        System.arraycopy(readHistory, inputAt(k) + t * LANES, now, (1 + k) * LANES, LANES);
      }
      int readRows = t == 0 ? inputs : inputs + size;
      for (int u = 0; u < size; u++) {
        VectorProducts.gates(
            gateWeights, u * rows * 4, now, LANES, readRows, gates, z + u * LANES, count);
      }
      if (peepholes) {
        VectorMath.peephole(gates, z, cell, peepholeWeights, 0, size);
        VectorMath.peephole(gates, z + count, cell, peepholeWeights, size, size);
      }
      VectorMath.sigmoid(gates, z, 2 * count);
      VectorMath.tanh(gates, z + 2 * count, gates, z + 2 * count, count);
      int slot = (t + 1) * LANES;
      VectorMath.cell(gates, z, count, cell, cellHistory, slot, stride);
      if (peepholes) {
        VectorMath.peephole(gates, z + 3 * count, cell, peepholeWeights, 2 * size, size);
      }
      VectorMath.sigmoid(gates, z + 3 * count, count);
      VectorMath.tanh(cell, 0, tanhCell, t * count, count);
      VectorMath.output(
          gates,
          z + 3 * count,
          tanhCell,
          t * count,
          now,
          (1 + inputs) * LANES,
          count,
          readHistory,
          (1 + inputs) * stride + slot,
          stride);
    }
  }

  /**
   * Goes back over all steps of one block and adds to the sums.
   *
   * @param dh [T][size][16], derivatives of the outputs; overwritten
   * @param dx [T][inputs][16], receives the derivatives of the inputs; null: not wanted
   */
  void backward(float[] dh, float[] dx, int length) {
    int count = size * LANES;
    int stride = stride();
    int zStride = steps * LANES;
    Arrays.fill(dCell, 0f);
    for (int t = length - 1; t >= 0; t--) {
      int z = t * width * LANES;
      int slot = t * LANES;
      if (t < length - 1) {
        VectorBackward.add(dh, t * count, dHidden, 0, count);
      }
      if (peepholes) {
        VectorBackward.unitsWithPeepholes(
            gates,
            z,
            tanhCell,
            t * count,
            cellHistory,
            slot,
            stride,
            dh,
            t * count,
            dCell,
            count,
            dGates,
            dGatesHistory,
            slot,
            zStride,
            peepholeWeights);
      } else {
        VectorBackward.units(
            gates,
            z,
            tanhCell,
            t * count,
            cellHistory,
            slot,
            stride,
            dh,
            t * count,
            dCell,
            count,
            dGates,
            dGatesHistory,
            slot,
            zStride);
      }
      if (t > 0) {
        throughHidden();
      }
      if (dx != null) {
        for (int k = 0; k < inputs; k++) {
          VectorProducts.one(
              0f,
              belowWeights,
              k * width,
              1,
              dGates,
              0,
              LANES,
              width,
              dx,
              (t * inputs + k) * LANES);
        }
      }
    }
    addGradients(length);
  }

  private void throughHidden() {
    int u = 0;
    for (; u + VectorProducts.FIVE <= size; u += VectorProducts.FIVE) {
      VectorProducts.five(backWeights, u * width, dGates, 0, width, dHidden, u * LANES);
    }
    for (; u < size; u++) {
      VectorProducts.one(
          0f, backWeights, u * width, 1, dGates, 0, LANES, width, dHidden, u * LANES);
    }
  }

  private void addGradients(int length) {
    int zStride = steps * LANES;
    int stride = stride();
    int sumStride = width * LANES;
    for (int half = 0; half < LANES; half += WIDTH) {
      for (int r = 0; r < width; r += 4) {
        int z = r * zStride + half;
        int k = 0;
        for (; k + 1 < rows; k += 2) {
          VectorProducts.overTime(
              dGatesHistory,
              z,
              zStride,
              readHistory,
              k * stride + half,
              stride,
              length,
              sums,
              (k * width + r) * LANES + half,
              sumStride);
        }
        if (k < rows) {
          VectorProducts.overTimeFour(
              dGatesHistory,
              z,
              zStride,
              readHistory,
              k * stride + half,
              length,
              sums,
              (k * width + r) * LANES + half);
        }
      }
      if (peepholes) {
        addPeepholeGradients(length, half);
      }
    }
  }

  private void addPeepholeGradients(int length, int half) {
    int zStride = steps * LANES;
    int sum = rows * width * LANES + half;
    for (int u = 0; u < size; u++) {
      VectorProducts.overTimePeepholes(
          dGatesHistory,
          u * zStride + half,
          size * zStride,
          cellHistory,
          u * stride() + half,
          length,
          sums,
          sum + u * LANES,
          size * LANES);
    }
  }

  /** Sums the gradients over lanes and adds them to the flat gradient. */
  void end(float[] gradient) {
    VectorLaneSums.add(sums, 0, width, gradient, b);
    VectorLaneSums.add(sums, width, inputs * width, gradient, xh);
    VectorLaneSums.add(sums, (1 + inputs) * width, size * width, gradient, hh);
    if (peepholes) {
      VectorLaneSums.add(sums, rows * width, 3 * size, gradient, ci);
    }
  }
}
