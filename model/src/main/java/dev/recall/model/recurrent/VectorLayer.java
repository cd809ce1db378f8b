package dev.recall.model.recurrent;

import static dev.recall.model.recurrent.VectorMath.LANES;

import dev.recall.model.LstmSpec;
import dev.recall.model.ParameterLayout;
import java.util.Arrays;

/**
 * {@link LstmLayer} on one block of 16 lanes at a time, with the Vector API: the same bits.
 *
 * <p>Note to the maintainer. What the gates of a step read lies in one run of rows, [1 | inputs |
 * outputs of the step before], so that biases are weights like all others and the gradient of all
 * weights is one product over time, see {@link VectorTape}. Weights are packed once per call in the
 * order in which the loops read them, with the activations' scales multiplied in. Without peepholes
 * their weights are zeros: cheaper to keep than a second copy of three loops.
 */
final class VectorLayer {

  /** Units that are packed at a time: those whose parameters share a line of the cache. */
  private static final int LINE = 16;

  private final int inputs;
  private final int size;
  private final boolean peepholes;
  private final int xh;
  private final int hh;
  private final int b;
  private final int ci; // offset of [3 size]: ci, cf, co

  private final int gateStride; // from one unit's weights to those of the next
  private final float[] gateWeights; // [size]: [1 | inputs | outputs][4], then ci cf co 0
  private final float[] peepholeWeights; // [3][size]
  private final VectorBackWeights hiddenWeights;
  private final VectorBackWeights inputWeights;
  private final VectorTape tape;
  private final float[] peepholeSums; // [size][3]

  private int steps; // T of the sequences at hand
  private float[] memory; // of these areas
  private int values; // per step [size][i f s][16], [size][o s][16]; see VectorMath
  private int cell; // [2][T + 1][size][16]; before step 0, always zero, after step 0, ..
  private int dCell; // [size][16]
  private int peepholeTile; // [size][3][16]

  VectorLayer(LstmSpec spec, int inputs, String name, ParameterLayout layout) {
    this.inputs = inputs;
    this.size = spec.size();
    this.peepholes = spec.peepholes();
    this.xh = layout.offset(name + ".xh");
    this.hh = layout.offset(name + ".hh");
    this.b = layout.offset(name + ".b");
    this.ci = peepholes ? layout.offset(name + ".ci") : -1;
    this.tape = new VectorTape(inputs, size);
    this.gateStride = 4 * (1 + inputs + size + 1);
    this.gateWeights = new float[size * gateStride];
    this.peepholeWeights = new float[3 * size];
    this.hiddenWeights = new VectorBackWeights(size, size);
    this.inputWeights = new VectorBackWeights(inputs, size);
    this.peepholeSums = new float[3 * size];
  }

  int size() {
    return size;
  }

  VectorTape tape() {
    return tape;
  }

  /** Row of the tape that input k is to be written to. */
  int inputRow(int k) {
    return 1 + k;
  }

  /** Row of the tape, in the slot behind the step, that output u is found in. */
  int outputRow(int u) {
    return 1 + inputs + u;
  }

  /** Takes areas for sequences of a length. */
  void reserve(VectorMemory areas, int length) {
    steps = length;
    tape.reserve(areas, length);
    values = areas.area(steps * 5 * size * LANES);
    cell = areas.area(2 * (steps + 1) * size * LANES);
    dCell = areas.area(size * LANES);
    peepholeTile = areas.area(3 * size * LANES);
  }

  /** Takes the memory of the areas, filled with zeros. */
  void begin(float[] floats) {
    memory = floats;
    tape.begin(floats);
  }

  /** Packs the weights: once per call of the engine. */
  void pack(float[] p) {
    for (int from = 0; from < size; from += LINE) {
      int to = Math.min(size, from + LINE);
      for (int row = 0; row <= inputs + size; row++) {
        packRow(p, parametersOf(row), row, from, to);
      }
    }
    if (peepholes) {
      System.arraycopy(p, ci, peepholeWeights, 0, 3 * size);
      for (int u = 0; u < size; u++) {
        int to = (u + 1) * gateStride - 4;
        gateWeights[to] = Activations.SIGMOID_SCALE * p[ci + u];
        gateWeights[to + 1] = Activations.SIGMOID_SCALE * p[ci + size + u];
        gateWeights[to + 2] = Activations.SIGMOID_SCALE * p[ci + 2 * size + u];
      }
    }
  }

  private void packRow(float[] p, int at, int row, int from, int to) {
    for (int u = from; u < to; u++) {
      int w = u * gateStride + 4 * row;
      gateWeights[w] = Activations.SIGMOID_SCALE * p[at + u];
      gateWeights[w + 1] = Activations.SIGMOID_SCALE * p[at + size + u];
      gateWeights[w + 2] = Activations.TANH_SCALE * p[at + 2 * size + u];
      gateWeights[w + 3] = Activations.SIGMOID_SCALE * p[at + 3 * size + u];
    }
  }

  /** Offset of the parameters [4 size] that belong to a row of the tape. */
  private int parametersOf(int row) {
    if (row == 0) {
      return b;
    }
    return row <= inputs ? xh + (row - 1) * 4 * size : hh + (row - 1 - inputs) * 4 * size;
  }

  /** Packs what only the backward pass needs and clears the gradient. */
  void beginBackward(float[] p, boolean toInputs) {
    hiddenWeights.pack(p, hh);
    if (toInputs) {
      inputWeights.pack(p, xh);
    }
    tape.clear();
    Arrays.fill(peepholeSums, 0f);
  }

  /** Runs all steps of one block from the zero state; the inputs are on the tape. */
  void forward(int block) {
    int count = size * LANES;
    int firstCell = cell + block * (steps + 1) * count;
    for (int t = 0; t < steps; t++) {
      int z = values + t * 5 * count;
      int o = z + 3 * count;
      int c = firstCell + t * count;
      int rows = t == 0 ? 1 + inputs : 1 + inputs + size;
      VectorProducts.gates(
          gateWeights, gateStride, memory, tape.readAt(block, t, 0), rows, z, size, c);
      VectorMath.squash(memory, z, 3 * count);
      VectorMath.cell(memory, z, o, c, gateWeights, gateStride, size);
      VectorMath.squash(memory, o, 2 * count);
      VectorMath.output(memory, o, size, tape.readAt(block, t + 1, outputRow(0)));
    }
  }

  /**
   * Goes back over all steps of one block, right after its {@link #forward}; the derivatives stay
   * on the tape.
   *
   * @param dh area [T][size][16], derivatives of the outputs; overwritten
   * @param dx area [T][inputs][16], receives the derivatives of the inputs; -1: not wanted
   */
  void backward(int block, int dh, int dx) {
    int count = size * LANES;
    int firstCell = cell + block * (steps + 1) * count;
    Arrays.fill(memory, dCell, dCell + count, 0f);
    if (dx >= 0) {
      Arrays.fill(memory, dx, dx + steps * inputs * LANES, 0f);
    }
    for (int t = steps - 1; t >= 0; t--) {
      int z = values + t * 5 * count;
      int c = firstCell + t * count;
      int to = tape.derivativesAt(block, t);
      VectorMath.back(
          memory, z, z + 3 * count, c, dh + t * count, dCell, size, peepholeWeights, to);
      if (t > 0) {
        hiddenWeights.add(memory, to, dh + (t - 1) * count);
      }
      if (dx >= 0) {
        inputWeights.add(memory, to, dx + t * inputs * LANES);
      }
    }
  }

  /** Adds the gradient of the blocks on the tape to the sums. */
  void addGradients(int blocks) {
    tape.add(blocks);
    if (peepholes) {
      for (int u = 0; u < size; u++) {
        VectorProducts.overTimePeepholes(
            memory,
            tape.derivativesAt(0, 0) + u * 4 * LANES,
            tape.derivativeStride(),
            cell + u * LANES,
            size * LANES,
            tape.turns(blocks),
            peepholeTile + 3 * u * LANES);
      }
      VectorLaneSums.add(memory, peepholeTile, 3 * size, peepholeSums, 0);
    }
  }

  /** Adds the sums to the flat gradient. */
  void end(float[] gradient) {
    for (int from = 0; from < size; from += LINE) {
      int to = Math.min(size, from + LINE);
      for (int row = 0; row <= inputs + size; row++) {
        tape.into(row, from, to, gradient, parametersOf(row));
      }
    }
    if (peepholes) {
      for (int u = 0; u < size; u++) {
        for (int gate = 0; gate < 3; gate++) {
          gradient[ci + gate * size + u] += peepholeSums[3 * u + gate];
        }
      }
    }
  }
}
