package dev.recall.model.recurrent;

import static dev.recall.model.recurrent.VectorMath.LANES;
import static dev.recall.model.recurrent.VectorMath.SPECIES;
import static dev.recall.model.recurrent.VectorMath.WIDTH;

import jdk.incubator.vector.FloatVector;

/**
 * Products of weights and rows of 16 lanes, in register tiles.
 *
 * <p>Note to the maintainer. AVX2 has 16 registers and two fused multiply-adds per cycle of four
 * cycles' latency: eight to ten accumulators keep both busy, more of them spill. Every accumulator
 * is one chain over its index in rising order, which is the order of {@link Rows}. A body has the
 * products of one or two rows: with four, C2 finishes one accumulator after the other and spills
 * what it has loaded for them.
 */
final class VectorProducts {

  /** Rows of the result per tile of {@link #five}. */
  static final int FIVE = 5;

  /**
   * Floats per step of what the gates of a small layer read; a fourth of those of its derivatives.
   * Three bits: C2 takes a product with a constant of fewer apart, and then checks bounds in every
   * turn.
   */
  static final int SMALL = 19 * LANES;

  private VectorProducts() {}

  /**
   * What the gates of all units are squashed from: {@code z = w[0] + sum_k w[k] a[k]}, for i and f
   * plus the peephole's share.
   *
   * @param w per unit, wStride apart, [rows][4] and in the last four ci and cf, scaled
   * @param m rows: a [rows][16] from aAt, of which the first is not read; z, from zAt rows i, f, g
   *     per unit and behind those of all units the first of two rows per unit, o; the cells of the
   *     step before [units][16] from cAt
   */
  static void gates(
      float[] w, int wStride, float[] m, int aAt, int rows, int zAt, int units, int cAt) {
    int end = 4 * rows;
    int oAt = zAt + 3 * units * LANES;
    for (int u = 0; u < units; u++) {
      int wAt = u * wStride;
      FloatVector i0 = FloatVector.broadcast(SPECIES, w[wAt]);
      FloatVector i1 = i0;
      FloatVector f0 = FloatVector.broadcast(SPECIES, w[wAt + 1]);
      FloatVector f1 = f0;
      FloatVector c0 = FloatVector.broadcast(SPECIES, w[wAt + 2]);
      FloatVector c1 = c0;
      FloatVector o0 = FloatVector.broadcast(SPECIES, w[wAt + 3]);
      FloatVector o1 = o0;
      for (int k = 4; k < end; k += 4) {
        int at = wAt + k;
        int row = aAt + 4 * k;
        FloatVector a0 = FloatVector.fromArray(SPECIES, m, row);
        FloatVector a1 = FloatVector.fromArray(SPECIES, m, row + WIDTH);
        FloatVector wi = FloatVector.broadcast(SPECIES, w[at]);
        i0 = a0.fma(wi, i0);
        i1 = a1.fma(wi, i1);
        FloatVector wf = FloatVector.broadcast(SPECIES, w[at + 1]);
        f0 = a0.fma(wf, f0);
        f1 = a1.fma(wf, f1);
        FloatVector wc = FloatVector.broadcast(SPECIES, w[at + 2]);
        c0 = a0.fma(wc, c0);
        c1 = a1.fma(wc, c1);
        FloatVector wo = FloatVector.broadcast(SPECIES, w[at + 3]);
        o0 = a0.fma(wo, o0);
        o1 = a1.fma(wo, o1);
      }
      FloatVector before0 = FloatVector.fromArray(SPECIES, m, cAt + u * LANES);
      FloatVector before1 = FloatVector.fromArray(SPECIES, m, cAt + u * LANES + WIDTH);
      FloatVector ci = FloatVector.broadcast(SPECIES, w[wAt + wStride - 4]);
      FloatVector cf = FloatVector.broadcast(SPECIES, w[wAt + wStride - 3]);
      int to = zAt + u * 3 * LANES;
      before0.fma(ci, i0).intoArray(m, to);
      before1.fma(ci, i1).intoArray(m, to + WIDTH);
      before0.fma(cf, f0).intoArray(m, to + LANES);
      before1.fma(cf, f1).intoArray(m, to + LANES + WIDTH);
      c0.intoArray(m, to + 2 * LANES);
      c1.intoArray(m, to + 2 * LANES + WIDTH);
      o0.intoArray(m, oAt + u * 2 * LANES);
      o1.intoArray(m, oAt + u * 2 * LANES + WIDTH);
    }
  }

  /**
   * Adds five rows of a product: {@code y[j] += sum_r w[r][j] z[r]}.
   *
   * @param w packed [rows][5] from wAt
   * @param m rows: z [rows][16] from zAt, y [5][16] from yAt
   */
  static void five(float[] w, int wAt, float[] m, int zAt, int rows, int yAt) {
    FloatVector a0 = FloatVector.fromArray(SPECIES, m, yAt);
    FloatVector a1 = FloatVector.fromArray(SPECIES, m, yAt + WIDTH);
    FloatVector b0 = FloatVector.fromArray(SPECIES, m, yAt + LANES);
    FloatVector b1 = FloatVector.fromArray(SPECIES, m, yAt + LANES + WIDTH);
    FloatVector c0 = FloatVector.fromArray(SPECIES, m, yAt + 2 * LANES);
    FloatVector c1 = FloatVector.fromArray(SPECIES, m, yAt + 2 * LANES + WIDTH);
    FloatVector d0 = FloatVector.fromArray(SPECIES, m, yAt + 3 * LANES);
    FloatVector d1 = FloatVector.fromArray(SPECIES, m, yAt + 3 * LANES + WIDTH);
    FloatVector e0 = FloatVector.fromArray(SPECIES, m, yAt + 4 * LANES);
    FloatVector e1 = FloatVector.fromArray(SPECIES, m, yAt + 4 * LANES + WIDTH);
    for (int r = 0; r < rows; r++) {
      FloatVector z0 = FloatVector.fromArray(SPECIES, m, zAt + r * LANES);
      FloatVector z1 = FloatVector.fromArray(SPECIES, m, zAt + r * LANES + WIDTH);
      int at = wAt + FIVE * r;
      FloatVector wa = FloatVector.broadcast(SPECIES, w[at]);
      a0 = z0.fma(wa, a0);
      a1 = z1.fma(wa, a1);
      FloatVector wb = FloatVector.broadcast(SPECIES, w[at + 1]);
      b0 = z0.fma(wb, b0);
      b1 = z1.fma(wb, b1);
      FloatVector wc = FloatVector.broadcast(SPECIES, w[at + 2]);
      c0 = z0.fma(wc, c0);
      c1 = z1.fma(wc, c1);
      FloatVector wd = FloatVector.broadcast(SPECIES, w[at + 3]);
      d0 = z0.fma(wd, d0);
      d1 = z1.fma(wd, d1);
      FloatVector we = FloatVector.broadcast(SPECIES, w[at + 4]);
      e0 = z0.fma(we, e0);
      e1 = z1.fma(we, e1);
    }
    a0.intoArray(m, yAt);
    a1.intoArray(m, yAt + WIDTH);
    b0.intoArray(m, yAt + LANES);
    b1.intoArray(m, yAt + LANES + WIDTH);
    c0.intoArray(m, yAt + 2 * LANES);
    c1.intoArray(m, yAt + 2 * LANES + WIDTH);
    d0.intoArray(m, yAt + 3 * LANES);
    d1.intoArray(m, yAt + 3 * LANES + WIDTH);
    e0.intoArray(m, yAt + 4 * LANES);
    e1.intoArray(m, yAt + 4 * LANES + WIDTH);
  }

  /**
   * One row of a product: {@code y = start + sum_r w[r] z[r]}.
   *
   * @param w weight r at wAt + r * wStride
   * @param m rows: z [rows][16] from zAt, y [16] from yAt, overwritten
   */
  static void one(
      float start, float[] w, int wAt, int wStride, float[] m, int zAt, int rows, int yAt) {
    FloatVector y0 = FloatVector.broadcast(SPECIES, start);
    FloatVector y1 = y0;
    for (int r = 0; r < rows; r++) {
      FloatVector weight = FloatVector.broadcast(SPECIES, w[wAt + r * wStride]);
      y0 = FloatVector.fromArray(SPECIES, m, zAt + r * LANES).fma(weight, y0);
      y1 = FloatVector.fromArray(SPECIES, m, zAt + r * LANES + WIDTH).fma(weight, y1);
    }
    y0.intoArray(m, yAt);
    y1.intoArray(m, yAt + WIDTH);
  }

  /** {@link #five} for one row: {@code y += sum_r w[r] z[r]}. */
  static void addOne(float[] w, int wAt, float[] m, int zAt, int rows, int yAt) {
    FloatVector y0 = FloatVector.fromArray(SPECIES, m, yAt);
    FloatVector y1 = FloatVector.fromArray(SPECIES, m, yAt + WIDTH);
    for (int r = 0; r < rows; r++) {
      FloatVector weight = FloatVector.broadcast(SPECIES, w[wAt + r]);
      y0 = FloatVector.fromArray(SPECIES, m, zAt + r * LANES).fma(weight, y0);
      y1 = FloatVector.fromArray(SPECIES, m, zAt + r * LANES + WIDTH).fma(weight, y1);
    }
    y0.intoArray(m, yAt);
    y1.intoArray(m, yAt + WIDTH);
  }

  /**
   * Spreads one row over many: {@code y[k] = 0 + w[k] z}.
   *
   * @param w weight k at wAt + k * wStride
   * @param m rows: z [16] from zAt, y [count][16] from yAt, overwritten
   */
  static void spread(float[] w, int wAt, int wStride, float[] m, int zAt, int yAt, int count) {
    FloatVector z0 = FloatVector.fromArray(SPECIES, m, zAt);
    FloatVector z1 = FloatVector.fromArray(SPECIES, m, zAt + WIDTH);
    FloatVector zero = FloatVector.zero(SPECIES);
    for (int k = 0; k < count; k++) {
      FloatVector weight = FloatVector.broadcast(SPECIES, w[wAt + k * wStride]);
      z0.fma(weight, zero).intoArray(m, yAt + k * LANES);
      z1.fma(weight, zero).intoArray(m, yAt + k * LANES + WIDTH);
    }
  }

  /** Like {@link #spread}, added: {@code y[k] += w[k] z}. */
  static void addSpread(float[] w, int wAt, int wStride, float[] m, int zAt, int yAt, int count) {
    FloatVector z0 = FloatVector.fromArray(SPECIES, m, zAt);
    FloatVector z1 = FloatVector.fromArray(SPECIES, m, zAt + WIDTH);
    for (int k = 0; k < count; k++) {
      FloatVector weight = FloatVector.broadcast(SPECIES, w[wAt + k * wStride]);
      FloatVector y0 = z0.fma(weight, FloatVector.fromArray(SPECIES, m, yAt + k * LANES));
      FloatVector y1 = z1.fma(weight, FloatVector.fromArray(SPECIES, m, yAt + k * LANES + WIDTH));
      y0.intoArray(m, yAt + k * LANES);
      y1.intoArray(m, yAt + k * LANES + WIDTH);
    }
  }

  /**
   * Sums over time for 2 x 4 weights on eight lanes: {@code sums[k][r] = sum_t a[t][k] z[t][r]}.
   *
   * @param m rows: row r of z of step t from zAt + t * zStride + r * 16, row k of a of step t from
   *     aAt + t * aStride + k * 16
   * @param sums rows [2][4][16] from sumsAt, eight floats of each overwritten
   */
  static void overTime(
      float[] m, int zAt, int zStride, int aAt, int aStride, int steps, float[] sums, int sumsAt) {
    FloatVector p0 = FloatVector.zero(SPECIES);
    FloatVector p1 = p0;
    FloatVector p2 = p0;
    FloatVector p3 = p0;
    FloatVector q0 = p0;
    FloatVector q1 = p0;
    FloatVector q2 = p0;
    FloatVector q3 = p0;
    int rowZ = zAt;
    int rowA = aAt;
    for (int t = 0; t < steps; t++) {
      FloatVector p = FloatVector.fromArray(SPECIES, m, rowA);
      FloatVector q = FloatVector.fromArray(SPECIES, m, rowA + LANES);
      FloatVector z0 = FloatVector.fromArray(SPECIES, m, rowZ);
      p0 = z0.fma(p, p0);
      q0 = z0.fma(q, q0);
      FloatVector z1 = FloatVector.fromArray(SPECIES, m, rowZ + LANES);
      p1 = z1.fma(p, p1);
      q1 = z1.fma(q, q1);
      FloatVector z2 = FloatVector.fromArray(SPECIES, m, rowZ + 2 * LANES);
      p2 = z2.fma(p, p2);
      q2 = z2.fma(q, q2);
      FloatVector z3 = FloatVector.fromArray(SPECIES, m, rowZ + 3 * LANES);
      p3 = z3.fma(p, p3);
      q3 = z3.fma(q, q3);
      rowZ += zStride;
      rowA += aStride;
    }
    p0.intoArray(sums, sumsAt);
    p1.intoArray(sums, sumsAt + LANES);
    p2.intoArray(sums, sumsAt + 2 * LANES);
    p3.intoArray(sums, sumsAt + 3 * LANES);
    q0.intoArray(sums, sumsAt + 4 * LANES);
    q1.intoArray(sums, sumsAt + 5 * LANES);
    q2.intoArray(sums, sumsAt + 6 * LANES);
    q3.intoArray(sums, sumsAt + 7 * LANES);
  }

  /**
   * {@link #overTime} for a small layer, whose strides are constants: without a check of bounds in
   * any turn.
   *
   * @param m rows: row r of z of step t from zAt + 4 t SMALL + r * 16, row k of a of step t from
   *     aAt + t SMALL + k * 16; the sums [2][4][16] from sumsAt, eight floats of each overwritten
   */
  static void overTimeSmall(float[] m, int zAt, int aAt, int steps, int sumsAt) {
    FloatVector p0 = FloatVector.zero(SPECIES);
    FloatVector p1 = p0;
    FloatVector p2 = p0;
    FloatVector p3 = p0;
    FloatVector q0 = p0;
    FloatVector q1 = p0;
    FloatVector q2 = p0;
    FloatVector q3 = p0;
    int end = SMALL * steps;
    for (int t = 0; t < end; t += SMALL) {
      int rowA = aAt + t;
      int rowZ = zAt + 4 * t;
      FloatVector p = FloatVector.fromArray(SPECIES, m, rowA);
      FloatVector q = FloatVector.fromArray(SPECIES, m, rowA + LANES);
      FloatVector z0 = FloatVector.fromArray(SPECIES, m, rowZ);
      p0 = z0.fma(p, p0);
      q0 = z0.fma(q, q0);
      FloatVector z1 = FloatVector.fromArray(SPECIES, m, rowZ + LANES);
      p1 = z1.fma(p, p1);
      q1 = z1.fma(q, q1);
      FloatVector z2 = FloatVector.fromArray(SPECIES, m, rowZ + 2 * LANES);
      p2 = z2.fma(p, p2);
      q2 = z2.fma(q, q2);
      FloatVector z3 = FloatVector.fromArray(SPECIES, m, rowZ + 3 * LANES);
      p3 = z3.fma(p, p3);
      q3 = z3.fma(q, q3);
    }
    p0.intoArray(m, sumsAt);
    p1.intoArray(m, sumsAt + LANES);
    p2.intoArray(m, sumsAt + 2 * LANES);
    p3.intoArray(m, sumsAt + 3 * LANES);
    q0.intoArray(m, sumsAt + 4 * LANES);
    q1.intoArray(m, sumsAt + 5 * LANES);
    q2.intoArray(m, sumsAt + 6 * LANES);
    q3.intoArray(m, sumsAt + 7 * LANES);
  }

  /**
   * {@link #overTime} for rows of eight lanes that lie side by side.
   *
   * @param m rows: z [steps][4][8] from zAt, a [steps][2][8] from aAt, the sums [2][4][16] from
   *     sumsAt, eight floats of each overwritten
   */
  static void overTimeSideBySide(float[] m, int zAt, int aAt, int steps, int sumsAt) {
    FloatVector p0 = FloatVector.zero(SPECIES);
    FloatVector p1 = p0;
    FloatVector p2 = p0;
    FloatVector p3 = p0;
    FloatVector q0 = p0;
    FloatVector q1 = p0;
    FloatVector q2 = p0;
    FloatVector q3 = p0;
    int end = 2 * WIDTH * steps;
    for (int t = 0; t < end; t += 2 * WIDTH) {
      int rowZ = zAt + 2 * t;
      FloatVector p = FloatVector.fromArray(SPECIES, m, aAt + t);
      FloatVector q = FloatVector.fromArray(SPECIES, m, aAt + t + WIDTH);
      FloatVector z0 = FloatVector.fromArray(SPECIES, m, rowZ);
      p0 = z0.fma(p, p0);
      q0 = z0.fma(q, q0);
      FloatVector z1 = FloatVector.fromArray(SPECIES, m, rowZ + WIDTH);
      p1 = z1.fma(p, p1);
      q1 = z1.fma(q, q1);
      FloatVector z2 = FloatVector.fromArray(SPECIES, m, rowZ + 2 * WIDTH);
      p2 = z2.fma(p, p2);
      q2 = z2.fma(q, q2);
      FloatVector z3 = FloatVector.fromArray(SPECIES, m, rowZ + 3 * WIDTH);
      p3 = z3.fma(p, p3);
      q3 = z3.fma(q, q3);
    }
    p0.intoArray(m, sumsAt);
    p1.intoArray(m, sumsAt + LANES);
    p2.intoArray(m, sumsAt + 2 * LANES);
    p3.intoArray(m, sumsAt + 3 * LANES);
    q0.intoArray(m, sumsAt + 4 * LANES);
    q1.intoArray(m, sumsAt + 5 * LANES);
    q2.intoArray(m, sumsAt + 6 * LANES);
    q3.intoArray(m, sumsAt + 7 * LANES);
  }

  /**
   * Copies groups of rows of 16 lanes so that the steps of a group lie side by side, each half by
   * itself. Eight groups at a time, so that both sides are read and written in runs.
   *
   * @param m rows: row r of group g of step t from the offset from + t * stride + (g * rows + r) *
   *     16; receives [groups][2][steps][rows][8] at the offset to
   */
  static void sideBySide(float[] m, int from, int stride, int rows, int groups, int steps, int to) {
    int half = steps * rows * WIDTH;
    for (int first = 0; first < groups; first += WIDTH) {
      int end = Math.min(groups, first + WIDTH);
      for (int t = 0; t < steps; t++) {
        for (int g = first; g < end; g++) {
          int at = from + t * stride + g * rows * LANES;
          int out = to + g * 2 * half + t * rows * WIDTH;
          for (int r = 0; r < rows; r++) {
            FloatVector low = FloatVector.fromArray(SPECIES, m, at + r * LANES);
            FloatVector high = FloatVector.fromArray(SPECIES, m, at + r * LANES + WIDTH);
            low.intoArray(m, out + r * WIDTH);
            high.intoArray(m, out + half + r * WIDTH);
          }
        }
      }
    }
  }

  /**
   * Sums over time for four weights of one output: {@code sums[k] = sum_t a[t][k] y[t]}.
   *
   * @param m rows: y of step t from yAt + t * yStride, row k of a of step t from aAt + t * aStride
   *     + k * 16, the sums [4][16] from sumsAt, overwritten
   */
  static void overTimeFour(
      float[] m, int yAt, int yStride, int aAt, int aStride, int steps, int sumsAt) {
    FloatVector p0 = FloatVector.zero(SPECIES);
    FloatVector p1 = p0;
    FloatVector p2 = p0;
    FloatVector p3 = p0;
    FloatVector q0 = p0;
    FloatVector q1 = p0;
    FloatVector q2 = p0;
    FloatVector q3 = p0;
    int rowY = yAt;
    int rowA = aAt;
    for (int t = 0; t < steps; t++) {
      FloatVector y0 = FloatVector.fromArray(SPECIES, m, rowY);
      FloatVector y1 = FloatVector.fromArray(SPECIES, m, rowY + WIDTH);
      p0 = y0.fma(FloatVector.fromArray(SPECIES, m, rowA), p0);
      q0 = y1.fma(FloatVector.fromArray(SPECIES, m, rowA + WIDTH), q0);
      p1 = y0.fma(FloatVector.fromArray(SPECIES, m, rowA + LANES), p1);
      q1 = y1.fma(FloatVector.fromArray(SPECIES, m, rowA + LANES + WIDTH), q1);
      p2 = y0.fma(FloatVector.fromArray(SPECIES, m, rowA + 2 * LANES), p2);
      q2 = y1.fma(FloatVector.fromArray(SPECIES, m, rowA + 2 * LANES + WIDTH), q2);
      p3 = y0.fma(FloatVector.fromArray(SPECIES, m, rowA + 3 * LANES), p3);
      q3 = y1.fma(FloatVector.fromArray(SPECIES, m, rowA + 3 * LANES + WIDTH), q3);
      rowY += yStride;
      rowA += aStride;
    }
    p0.intoArray(m, sumsAt);
    q0.intoArray(m, sumsAt + WIDTH);
    p1.intoArray(m, sumsAt + LANES);
    q1.intoArray(m, sumsAt + LANES + WIDTH);
    p2.intoArray(m, sumsAt + 2 * LANES);
    q2.intoArray(m, sumsAt + 2 * LANES + WIDTH);
    p3.intoArray(m, sumsAt + 3 * LANES);
    q3.intoArray(m, sumsAt + 3 * LANES + WIDTH);
  }

  /**
   * Sums over time for the three peephole weights of one unit: i and f with the cell of the step
   * before, o with its own.
   *
   * @param m rows: i, f, c, o of step t from zAt + t * zStride, the cell before step t from cAt + t
   *     * cStride, the sums ci, cf, co [3][16] from sumsAt, overwritten
   */
  static void overTimePeepholes(
      float[] m, int zAt, int zStride, int cAt, int cStride, int steps, int sumsAt) {
    FloatVector i0 = FloatVector.zero(SPECIES);
    FloatVector i1 = i0;
    FloatVector f0 = i0;
    FloatVector f1 = i0;
    FloatVector o0 = i0;
    FloatVector o1 = i0;
    int row = zAt;
    int before = cAt;
    for (int t = 0; t < steps; t++) {
      int now = before + cStride;
      FloatVector c0 = FloatVector.fromArray(SPECIES, m, before);
      FloatVector c1 = FloatVector.fromArray(SPECIES, m, before + WIDTH);
      FloatVector n0 = FloatVector.fromArray(SPECIES, m, now);
      FloatVector n1 = FloatVector.fromArray(SPECIES, m, now + WIDTH);
      i0 = FloatVector.fromArray(SPECIES, m, row).fma(c0, i0);
      i1 = FloatVector.fromArray(SPECIES, m, row + WIDTH).fma(c1, i1);
      f0 = FloatVector.fromArray(SPECIES, m, row + LANES).fma(c0, f0);
      f1 = FloatVector.fromArray(SPECIES, m, row + LANES + WIDTH).fma(c1, f1);
      o0 = FloatVector.fromArray(SPECIES, m, row + 3 * LANES).fma(n0, o0);
      o1 = FloatVector.fromArray(SPECIES, m, row + 3 * LANES + WIDTH).fma(n1, o1);
      row += zStride;
      before = now;
    }
    i0.intoArray(m, sumsAt);
    i1.intoArray(m, sumsAt + WIDTH);
    f0.intoArray(m, sumsAt + LANES);
    f1.intoArray(m, sumsAt + LANES + WIDTH);
    o0.intoArray(m, sumsAt + 2 * LANES);
    o1.intoArray(m, sumsAt + 2 * LANES + WIDTH);
  }
}
