package dev.recall.model.recurrent;

import static dev.recall.model.recurrent.VectorMath.LANES;
import static dev.recall.model.recurrent.VectorMath.WIDTH;

import dev.recall.model.LstmSpec;
import dev.recall.model.ParameterLayout;
import java.util.Arrays;

/**
 * {@link LstmLayer} on one block of 16 lanes at a time, with the Vector API: the same bits.
 *
 * <p>Note to the maintainer. What the gates of step t read lies in one run of rows, [1 | inputs |
 * outputs of t - 1], so that biases are weights like all others and each weight's gradient is a sum
 * of products of two rows over time. Weights are packed once per call in the order in which the
 * tiles read them. Gradients are kept per lane, [row read][row of z][16], over all blocks, and
 * summed over lanes once per call.
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

  private float[] read = {}; // [T + 1][rows][16]
  private float[] gates; // [T][4 size][16], order i f c o; backward: derivatives
  private float[] cell; // [T + 1][size][16]
  private float[] tanhCell; // [T][size][16]
  private final float[] dCell; // [size][16]
  private final float[] dHidden; // [size][16]

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
    this.dCell = new float[size * LANES];
    this.dHidden = new float[size * LANES];
  }

  int size() {
    return size;
  }

  void reserve(int steps) {
    if (read.length >= (steps + 1) * rows * LANES) {
      return;
    }
    read = new float[(steps + 1) * rows * LANES];
    gates = new float[steps * width * LANES];
    cell = new float[(steps + 1) * size * LANES];
    tanhCell = new float[steps * size * LANES];
    for (int t = 0; t <= steps; t++) {
      int at = t * rows * LANES;
      Arrays.fill(read, at, at + LANES, 1f);
    }
  }

  /** Rows that hold what the gates read; inputs of step t are written from {@link #inputAt}. */
  float[] read() {
    return read;
  }

  int inputAt(int t) {
    return (t * rows + 1) * LANES;
  }

  /** Where the outputs of step t lie in {@link #read}. */
  int outputAt(int t) {
    return ((t + 1) * rows + 1 + inputs) * LANES;
  }

  /** Distance in floats between the same row of two steps in {@link #read}. */
  int step() {
    return rows * LANES;
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

  /** Runs all steps of one block from the zero state; the inputs are in place. */
  void forward(int steps) {
    int count = size * LANES;
    for (int t = 0; t < steps; t++) {
      int z = t * width * LANES;
      int readRows = t == 0 ? inputs : inputs + size;
      for (int u = 0; u < size; u++) {
        VectorProducts.gates(
            gateWeights, u * rows * 4, read, inputAt(t), readRows, gates, z + u * LANES, count);
      }
      if (peepholes) {
        VectorMath.peephole(gates, z, cell, t * count, peepholeWeights, 0, size);
        VectorMath.peephole(gates, z + count, cell, t * count, peepholeWeights, size, size);
      }
      VectorMath.sigmoid(gates, z, 2 * count);
      VectorMath.tanh(gates, z + 2 * count, gates, z + 2 * count, count);
      VectorMath.cell(gates, z, count, cell, t * count, (t + 1) * count);
      if (peepholes) {
        VectorMath.peephole(
            gates, z + 3 * count, cell, (t + 1) * count, peepholeWeights, 2 * size, size);
      }
      VectorMath.sigmoid(gates, z + 3 * count, count);
      VectorMath.tanh(cell, (t + 1) * count, tanhCell, t * count, count);
      VectorMath.output(gates, z + 3 * count, tanhCell, t * count, read, outputAt(t), count);
    }
  }

  /**
   * Goes back over all steps of one block and adds to the sums.
   *
   * @param dh [T][size][16], derivatives of the outputs; overwritten
   * @param dx [T][inputs][16], receives the derivatives of the inputs; null: not wanted
   */
  void backward(float[] dh, float[] dx, int steps) {
    int count = size * LANES;
    Arrays.fill(dCell, 0f);
    for (int t = steps - 1; t >= 0; t--) {
      int z = t * width * LANES;
      if (t < steps - 1) {
        VectorBackward.add(dh, t * count, dHidden, 0, count);
      }
      if (peepholes) {
        VectorBackward.unitsWithPeepholes(
            gates,
            z,
            tanhCell,
            t * count,
            cell,
            t * count,
            dh,
            t * count,
            dCell,
            count,
            peepholeWeights,
            0);
      } else {
        VectorBackward.units(
            gates, z, tanhCell, t * count, cell, t * count, dh, t * count, dCell, count);
      }
      if (t > 0) {
        throughHidden(z);
      }
      if (dx != null) {
        for (int k = 0; k < inputs; k++) {
          VectorProducts.one(
              0f, belowWeights, k * width, 1, gates, z, width, dx, (t * inputs + k) * LANES);
        }
      }
    }
    addGradients(steps);
  }

  private void throughHidden(int z) {
    int u = 0;
    for (; u + VectorProducts.FIVE <= size; u += VectorProducts.FIVE) {
      VectorProducts.five(backWeights, u * width, gates, z, width, dHidden, u * LANES);
    }
    for (; u < size; u++) {
      VectorProducts.one(0f, backWeights, u * width, 1, gates, z, width, dHidden, u * LANES);
    }
  }

  private void addGradients(int steps) {
    int zStep = width * LANES;
    int step = step();
    for (int half = 0; half < LANES; half += WIDTH) {
      for (int r = 0; r < width; r += 4) {
        int z = r * LANES + half;
        int k = 0;
        for (; k + 1 < rows; k += 2) {
          VectorProducts.overTime(
              gates,
              z,
              zStep,
              read,
              k * LANES + half,
              step,
              steps,
              sums,
              (k * width + r) * LANES + half,
              width);
        }
        if (k < rows) {
          VectorProducts.overTimeFour(
              gates,
              z,
              zStep,
              read,
              k * LANES + half,
              step,
              steps,
              sums,
              (k * width + r) * LANES + half);
        }
      }
      if (peepholes) {
        addPeepholeGradients(steps, half);
      }
    }
  }

  private void addPeepholeGradients(int steps, int half) {
    int zStep = width * LANES;
    int cStep = size * LANES;
    int to = rows * width * LANES + half;
    for (int u = 0; u < size; u++) {
      int unit = u * LANES + half;
      int after = cStep + unit;
      VectorProducts.overTimeOne(
          gates, unit, zStep, cell, unit, cStep, steps, sums, to + u * LANES);
      VectorProducts.overTimeOne(
          gates, cStep + unit, zStep, cell, unit, cStep, steps, sums, to + (size + u) * LANES);
      VectorProducts.overTimeOne(
          gates,
          3 * cStep + unit,
          zStep,
          cell,
          after,
          cStep,
          steps,
          sums,
          to + (2 * size + u) * LANES);
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
