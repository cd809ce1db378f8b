package dev.recall.model.recurrent;

import static dev.recall.model.recurrent.VectorMath.LANES;
import static dev.recall.model.recurrent.VectorMath.SPECIES;
import static dev.recall.model.recurrent.VectorMath.WIDTH;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorShuffle;

/**
 * Sums rows of 16 lanes by halves, 16 to 8 to 4 to 2 to 1, the tree of {@link Rows#sum}; eight rows
 * at once. Where two vectors have each been folded to half their lanes, both fit into one.
 */
final class VectorLaneSums {

  private static final VectorShuffle<Float> BY_FOUR = swap(4);
  private static final VectorShuffle<Float> BY_TWO = swap(2);
  private static final VectorShuffle<Float> BY_ONE = swap(1);
  private static final VectorMask<Float> FOURS = mask(4);
  private static final VectorMask<Float> TWOS = mask(2);
  private static final VectorMask<Float> ONES = mask(1);

  private VectorLaneSums() {}

  /** Lane i takes the lane whose number differs in this bit. */
  private static VectorShuffle<Float> swap(int bit) {
    return VectorShuffle.fromOp(SPECIES, i -> i ^ bit);
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
   * @param rows rows of 16 floats from at
   * @param count number of rows
   * @param out receives one number per row from outAt, added
   */
  static void add(float[] rows, int at, int count, float[] out, int outAt) {
    int i = 0;
    for (; i + WIDTH <= count; i += WIDTH) {
      eight(rows, at + i * LANES, out, outAt + i);
    }
    for (; i < count; i++) {
      out[outAt + i] += one(rows, at + i * LANES);
    }
  }

  /** Adds the sums of eight rows from an offset on to eight numbers. */
  static void eight(float[] rows, int at, float[] out, int outAt) {
    FloatVector r0 = FloatVector.fromArray(SPECIES, rows, at);
    r0 = r0.add(FloatVector.fromArray(SPECIES, rows, at + 8));
    FloatVector r1 = FloatVector.fromArray(SPECIES, rows, at + 16);
    r1 = r1.add(FloatVector.fromArray(SPECIES, rows, at + 24));
    FloatVector r2 = FloatVector.fromArray(SPECIES, rows, at + 32);
    r2 = r2.add(FloatVector.fromArray(SPECIES, rows, at + 40));
    FloatVector r3 = FloatVector.fromArray(SPECIES, rows, at + 48);
    r3 = r3.add(FloatVector.fromArray(SPECIES, rows, at + 56));
    FloatVector r4 = FloatVector.fromArray(SPECIES, rows, at + 64);
    r4 = r4.add(FloatVector.fromArray(SPECIES, rows, at + 72));
    FloatVector r5 = FloatVector.fromArray(SPECIES, rows, at + 80);
    r5 = r5.add(FloatVector.fromArray(SPECIES, rows, at + 88));
    FloatVector r6 = FloatVector.fromArray(SPECIES, rows, at + 96);
    r6 = r6.add(FloatVector.fromArray(SPECIES, rows, at + 104));
    FloatVector r7 = FloatVector.fromArray(SPECIES, rows, at + 112);
    r7 = r7.add(FloatVector.fromArray(SPECIES, rows, at + 120));
    // Lanes 0-3 of r0 with those of r4 in lanes 4-7, plus the other halves; and so on.
    r0 = r0.blend(r4.rearrange(BY_FOUR), FOURS).add(r0.rearrange(BY_FOUR).blend(r4, FOURS));
    r1 = r1.blend(r5.rearrange(BY_FOUR), FOURS).add(r1.rearrange(BY_FOUR).blend(r5, FOURS));
    r2 = r2.blend(r6.rearrange(BY_FOUR), FOURS).add(r2.rearrange(BY_FOUR).blend(r6, FOURS));
    r3 = r3.blend(r7.rearrange(BY_FOUR), FOURS).add(r3.rearrange(BY_FOUR).blend(r7, FOURS));
    r0 = r0.blend(r2.rearrange(BY_TWO), TWOS).add(r0.rearrange(BY_TWO).blend(r2, TWOS));
    r1 = r1.blend(r3.rearrange(BY_TWO), TWOS).add(r1.rearrange(BY_TWO).blend(r3, TWOS));
    r0 = r0.blend(r1.rearrange(BY_ONE), ONES).add(r0.rearrange(BY_ONE).blend(r1, ONES));
    r0.add(FloatVector.fromArray(SPECIES, out, outAt)).intoArray(out, outAt);
  }

  private static float one(float[] rows, int at) {
    float[] row = new float[LANES];
    System.arraycopy(rows, at, row, 0, LANES);
    return Rows.sum(row);
  }
}
