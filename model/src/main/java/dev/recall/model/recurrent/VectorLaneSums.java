package dev.recall.model.recurrent;

import static dev.recall.model.recurrent.VectorMath.LANES;
import static dev.recall.model.recurrent.VectorMath.SPECIES;
import static dev.recall.model.recurrent.VectorMath.WIDTH;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;

/**
 * Sums rows of 16 lanes by halves, 16 to 8 to 4 to 2 to 1, the tree of {@link Rows#laneSum}; eight
 * rows at once, interleaving what is left of them.
 */
final class VectorLaneSums {

  private static final VectorShuffle<Float> BY_FOUR = rotate(4);
  private static final VectorShuffle<Float> BY_TWO = rotate(2);
  private static final VectorShuffle<Float> BY_ONE = rotate(1);
  private static final VectorMask<Float> HIGH = mask(4);
  private static final VectorMask<Float> ODD_PAIRS = mask(2);
  private static final VectorMask<Float> ODD = mask(1);

  private VectorLaneSums() {}

  /** Lane i takes lane i + by or i - by, whichever lies in the same group of 2 by. */
  private static VectorShuffle<Float> rotate(int by) {
    return VectorShuffle.fromOp(SPECIES, i -> i ^ by);
  }

  /** Lanes whose number has this bit. */
  private static VectorMask<Float> mask(int bit) {
    boolean[] set = new boolean[WIDTH];
    for (int i = 0; i < WIDTH; i++) {
      set[i] = (i & bit) != 0;
    }
    return VectorMask.fromArray(SPECIES, set, 0);
  }

  /**
   * Adds the sums of rows to a run of numbers.
   *
   * @param rows rows of 16 floats
   * @param first first row
   * @param count number of rows
   * @param out receives one number per row from outAt, added
   */
  static void add(float[] rows, int first, int count, float[] out, int outAt) {
    int i = 0;
    for (; i + WIDTH <= count; i += WIDTH) {
      eight(rows, (first + i) * LANES)
          .add(FloatVector.fromArray(SPECIES, out, outAt + i))
          .intoArray(out, outAt + i);
    }
    for (; i < count; i++) {
      out[outAt + i] += one(rows, (first + i) * LANES);
    }
  }

  /** Row j's sum ends in lane j. */
  private static FloatVector eight(float[] rows, int at) {
    FloatVector a = four(rows, at, 0, 4);
    FloatVector b = four(rows, at, 2, 6);
    FloatVector c = four(rows, at, 1, 5);
    FloatVector d = four(rows, at, 3, 7);
    // a: rows 0 (lanes 0-3) and 4 (4-7); b: 2 and 6; c: 1 and 5; d: 3 and 7.
    FloatVector even = fold(a, b, BY_TWO, ODD_PAIRS);
    FloatVector odd = fold(c, d, BY_TWO, ODD_PAIRS);
    return fold(even, odd, BY_ONE, ODD);
  }

  private static FloatVector four(float[] rows, int at, int low, int high) {
    return fold(half(rows, at + low * LANES), half(rows, at + high * LANES), BY_FOUR, HIGH);
  }

  private static FloatVector half(float[] rows, int at) {
    return FloatVector.fromArray(SPECIES, rows, at)
        .add(FloatVector.fromArray(SPECIES, rows, at + WIDTH));
  }

  /**
   * Folds both vectors by halves of their groups; the first fills the low half, the second the
   * high.
   */
  private static FloatVector fold(
      FloatVector low, FloatVector high, VectorShuffle<Float> swap, VectorMask<Float> mask) {
    FloatVector left = low.blend(high.rearrange(swap), mask);
    FloatVector right = low.rearrange(swap).blend(high, mask);
    return left.add(right);
  }

  private static float one(float[] rows, int at) {
    float[] row = new float[LANES];
    System.arraycopy(rows, at, row, 0, LANES);
    return Rows.laneSum(row);
  }
}
