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
 * adds nothing, since its derivatives are zero.
 *
 * <p>The slots of a large layer are so far apart that each row of a slot is on a page of its own.
 * There the rows of a tile are first copied side by side, each half of eight lanes by itself. A
 * strip of those that were read then stays in the second-level cache while all derivatives pass,
 * those of one unit in the first.
 */
final class VectorTape {

  /** Pairs of rows from which on the rows of a tile are copied side by side. */
  private static final int LARGE = 16;

  /** Floats of a strip of what was read, a quarter of a second-level cache. */
  private static final int STRIP = 32_768;

  private final int rows; // 1 + inputs + size, rounded up to a multiple of four
  private final int pairs; // of rows read, the last may have one that is always zero
  private final int units;
  private final float[] tile = new float[2 * 4 * LANES]; // [2][4][16]
  private final float[] sums; // [units][pairs][2][4]

  private int slots; // of the sequences at hand
  private float[] read = {}; // [2][slots][rows][16]: 1, inputs, outputs of the step before
  private float[] derivatives = {}; // [2][slots][units + 1][4][16]
  private float[] readRows = {}; // [pairs][2][turns][2][8], where the layer is large
  private float[] derivativeRows = {}; // [units][2][turns][4][8], likewise

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
    if (pairs >= LARGE) {
      addStrips(turns(blocks));
      return;
    }
    for (int u = 0; u < units; u++) {
      for (int k = 0; k < pairs; k++) {
        for (int half = 0; half < LANES; half += WIDTH) {
          VectorProducts.overTime(
              derivatives,
              u * 4 * LANES + half,
              derivativeStride(),
              read,
              k * 2 * LANES + half,
              readStride(),
              turns(blocks),
              tile,
              half);
        }
        VectorLaneSums.eight(tile, 0, sums, (u * pairs + k) * 8);
      }
    }
  }

  private void addStrips(int turns) {
    int pair = turns * 2 * LANES;
    int unit = turns * 4 * LANES;
    if (readRows.length < pairs * pair) {
      readRows = new float[pairs * pair];
      derivativeRows = new float[units * unit];
    }
    VectorProducts.sideBySide(read, readStride(), 2, pairs, turns, readRows);
    VectorProducts.sideBySide(derivatives, derivativeStride(), 4, units, turns, derivativeRows);
    int strip = Math.max(1, STRIP / pair);
    for (int first = 0; first < pairs; first += strip) {
      int end = Math.min(pairs, first + strip);
      for (int u = 0; u < units; u++) {
        for (int k = first; k < end; k++) {
          for (int half = 0; half < 2; half++) {
            VectorProducts.overTimeSideBySide(
                derivativeRows,
                u * unit + half * (unit / 2),
                readRows,
                k * pair + half * (pair / 2),
                turns,
                tile,
                half * WIDTH);
          }
          VectorLaneSums.eight(tile, 0, sums, (u * pairs + k) * 8);
        }
      }
    }
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
