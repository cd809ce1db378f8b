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

  /** Rows of a slot of a small layer. */
  private static final int SMALL_ROWS = VectorProducts.SMALL / LANES;

  /** Floats of a strip of what was read, a quarter of a second-level cache. */
  private static final int STRIP = 32_768;

  private final int rows; // 1 + inputs + size and some that are always zero
  private final int pairs; // of rows read, the last may have one that is always zero
  private final int units;
  private final boolean small;
  private final float[] sums; // [units][pairs][2][4]

  private int slots; // of the sequences at hand
  private int read; // area [2][slots][rows][16]: 1, inputs, outputs of the step before
  private int derivatives; // area [2][slots][derivative stride], from it [units][4][16]
  private int tile; // area [2][4][16]
  private int readRows; // area [pairs][2][turns][2][8], where the layer is large
  private int derivativeRows; // area [units][2][turns][4][8], likewise
  private float[] memory; // of these areas

  VectorTape(int inputs, int units) {
    this.small = 1 + inputs + units < SMALL_ROWS;
    this.rows = small ? SMALL_ROWS : (1 + inputs + units + 3) / 4 * 4;
    this.pairs = (1 + inputs + units + 1) / 2;
    this.units = units;
    this.sums = new float[units * pairs * 8];
  }

  /** Takes areas for sequences of a length. */
  void reserve(VectorMemory areas, int steps) {
    slots = steps + 1;
    read = areas.area(2 * slots * readStride());
    derivatives = areas.area(2 * slots * derivativeStride());
    tile = areas.area(2 * 4 * LANES);
    if (pairs >= LARGE) {
      readRows = areas.area(pairs * 2 * LANES * turns(2));
      derivativeRows = areas.area(units * 4 * LANES * turns(2));
    }
  }

  /** Writes what does not change; all else in the areas is zero. */
  void begin(float[] floats) {
    memory = floats;
    for (int slot = 0; slot < 2 * slots; slot++) {
      int one = read + slot * readStride();
      Arrays.fill(memory, one, one + LANES, 1f);
    }
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

  /** Where a row of a slot begins; the other rows of the slot follow. */
  int readAt(int block, int slot, int row) {
    return read + (block * slots + slot) * readStride() + row * LANES;
  }

  /** From a slot to the next. */
  int readStride() {
    return rows * LANES;
  }

  /** Where the derivatives of a step begin. */
  int derivativesAt(int block, int slot) {
    return derivatives + (block * slots + slot) * derivativeStride();
  }

  /**
   * From a step to the next; one unit more than there are, because equal rows of all steps would
   * share a few lines of the cache if the stride were a power of two. A small layer has the stride
   * of {@link VectorProducts#overTimeSmall}.
   */
  int derivativeStride() {
    return small ? 4 * readStride() : (units + 1) * 4 * LANES;
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
          overTime(
              derivatives + u * 4 * LANES + half, read + k * 2 * LANES + half, turns(blocks), half);
        }
        VectorLaneSums.eight(memory, tile, sums, (u * pairs + k) * 8);
      }
    }
  }

  private void overTime(int z, int a, int turns, int half) {
    if (small) {
      VectorProducts.overTimeSmall(memory, z, a, turns, tile + half);
    } else {
      VectorProducts.overTime(
          memory, z, derivativeStride(), a, readStride(), turns, memory, tile + half);
    }
  }

  private void addStrips(int turns) {
    int pair = turns * 2 * LANES;
    int unit = turns * 4 * LANES;
    VectorProducts.sideBySide(memory, read, readStride(), 2, pairs, turns, readRows);
    VectorProducts.sideBySide(
        memory, derivatives, derivativeStride(), 4, units, turns, derivativeRows);
    int strip = Math.max(1, STRIP / pair);
    for (int first = 0; first < pairs; first += strip) {
      int end = Math.min(pairs, first + strip);
      for (int u = 0; u < units; u++) {
        for (int k = first; k < end; k++) {
          for (int half = 0; half < 2; half++) {
            VectorProducts.overTimeSideBySide(
                memory,
                derivativeRows + u * unit + half * (unit / 2),
                readRows + k * pair + half * (pair / 2),
                turns,
                tile + half * WIDTH);
          }
          VectorLaneSums.eight(memory, tile, sums, (u * pairs + k) * 8);
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
