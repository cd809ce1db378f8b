package dev.recall.model.recurrent;

import static dev.recall.model.recurrent.VectorMath.LANES;
import static dev.recall.model.recurrent.VectorMath.WIDTH;

import java.util.Arrays;

/**
 * What an LSTM layer's gates read and the derivatives of what they computed, for up to two blocks
 * of 16 sequences, and the gradient of the weights between the two.
 *
 * <p>Note to the maintainer. A block has one slot per step and one more. A gradient is a sum of
 * products over the steps of the first block and then over those of the second; with all slots of
 * the same size that is one loop of {@code 2 slots - 1} turns, in which the slot between the blocks
 * adds nothing, since its derivatives are zero. The gradient of large layers is formed in strips of
 * rows read that stay in the cache while all derivatives pass.
 */
final class VectorTape {

  /** Floats of what was read that a strip may have, half a second-level cache. */
  private static final int STRIP = 32_768;

  private final int rows; // 1 + inputs + size, rounded up to a multiple of four
  private final int pairs; // of rows read, the last may have one that is always zero
  private final int units;
  private final float[] tile = new float[2 * 4 * LANES]; // [2][4][16]
  private final float[] sums; // [units][pairs][2][4]

  private int slots; // of the sequences at hand
  private float[] read = {}; // [2][slots][rows][16]: 1, inputs, outputs of the step before
  private float[] derivatives = {}; // [2][slots][units + 1][4][16]

  VectorTape(int inputs, int units) {
    this.rows = (1 + inputs + units + 3) / 4 * 4;
    this.pairs = (1 + inputs + units + 1) / 2;
    this.units = units;
    this.sums = new float[units * pairs * 8];
  }

  /** Makes room for sequences of a length. */
  void reserve(int steps) {
    if (slots == steps + 1) {
      return;
    }
    slots = steps + 1;
    if (read.length < 2 * slots * readStride()) {
      read = new float[2 * slots * readStride()];
      derivatives = new float[2 * slots * derivativeStride()];
    }
    Arrays.fill(read, 0f);
    for (int slot = 0; slot < 2 * slots; slot++) {
      Arrays.fill(read, slot * readStride(), slot * readStride() + LANES, 1f);
    }
    int between = derivativesAt(0, steps);
    Arrays.fill(derivatives, between, between + derivativeStride(), 0f);
  }

  void clear() {
    Arrays.fill(sums, 0f);
  }

  /** Pairs of rows that the gates read. */
  int pairs() {
    return pairs;
  }

  /** Rows of a slot. */
  int rows() {
    return rows;
  }

  float[] read() {
    return read;
  }

  /** Where a row of a slot begins; the other rows of the slot follow. */
  int readAt(int block, int slot, int row) {
    return (block * slots + slot) * readStride() + row * LANES;
  }

  /** From a slot to the next. */
  int readStride() {
    return rows * LANES;
  }

  float[] derivatives() {
    return derivatives;
  }

  /** Where the derivatives of a step begin. */
  int derivativesAt(int block, int slot) {
    return (block * slots + slot) * derivativeStride();
  }

  /**
   * From a step to the next; one unit more than there are, because equal rows of all steps would
   * share a few lines of the cache if the stride were a power of two.
   */
  int derivativeStride() {
    return (units + 1) * 4 * LANES;
  }

  /** Turns of a loop over the steps of some blocks. */
  int turns(int blocks) {
    return blocks * slots - 1;
  }

  /** Adds the gradient of some blocks to the sums. */
  void add(int blocks) {
    int strip = Math.max(1, STRIP / (2 * LANES * blocks * slots));
    for (int first = 0; first < pairs; first += strip) {
      int end = Math.min(pairs, first + strip);
      for (int u = 0; u < units; u++) {
        for (int k = first; k < end; k++) {
          tile(u, k, 0, turns(blocks));
          tile(u, k, WIDTH, turns(blocks));
          VectorLaneSums.eight(tile, 0, sums, (u * pairs + k) * 8);
        }
      }
    }
  }

  private void tile(int unit, int pair, int half, int turns) {
    VectorProducts.overTime(
        derivatives,
        unit * 4 * LANES + half,
        derivativeStride(),
        read,
        pair * 2 * LANES + half,
        readStride(),
        turns,
        tile,
        half);
  }

  /**
   * Adds the sums of one row of weights to a gradient.
   *
   * @param row row read
   * @param from first unit
   * @param to unit behind the last
   * @param gradient receives [i f c o][units] from at
   */
  void into(int row, int from, int to, float[] gradient, int at) {
    int sum = row / 2 * 8 + row % 2 * 4;
    for (int u = from; u < to; u++) {
      int s = sum + u * pairs * 8;
      gradient[at + u] += sums[s];
      gradient[at + units + u] += sums[s + 1];
      gradient[at + 2 * units + u] += sums[s + 2];
      gradient[at + 3 * units + u] += sums[s + 3];
    }
  }
}
