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

  private VectorProducts() {}

  /**
   * What the gates of all units are squashed from: {@code z = sum_k w[k] a[k]}, for i and f plus
   * the peephole's share.
   *
   * @param w packed [units][2 allPairs][4]
   * @param a rows [2 pairs][16] from aAt
   * @param z receives rows i, f, g per unit from zAt, and the first of two rows per unit, o, behind
   *     those of all units
   * @param c cells of the step before [units][16] from cAt
   * @param peephole weights ci, cf, scaled, one per unit each
   */
  static void gates(
      float[] w,
      int allPairs,
      float[] a,
      int aAt,
      int pairs,
      float[] z,
      int zAt,
      int units,
      float[] c,
      int cAt,
      float[] peephole) {
    int end = 8 * pairs;
    int oAt = zAt + 3 * units * LANES;
    for (int u = 0; u < units; u++) {
      int wAt = u * allPairs * 8;
      FloatVector i0 = FloatVector.zero(SPECIES);
      FloatVector i1 = i0;
      FloatVector f0 = i0;
      FloatVector f1 = i0;
      FloatVector c0 = i0;
      FloatVector c1 = i0;
      FloatVector o0 = i0;
      FloatVector o1 = i0;
      for (int k = 0; k < end; k += 8) {
        int at = wAt + k;
        int row = aAt + k / 4 * LANES;
        FloatVector a0 = FloatVector.fromArray(SPECIES, a, row);
        FloatVector b0 = FloatVector.fromArray(SPECIES, a, row + WIDTH);
        FloatVector wi0 = FloatVector.broadcast(SPECIES, w[at]);
        i0 = a0.fma(wi0, i0);
        i1 = b0.fma(wi0, i1);
        FloatVector wf0 = FloatVector.broadcast(SPECIES, w[at + 1]);
        f0 = a0.fma(wf0, f0);
        f1 = b0.fma(wf0, f1);
        FloatVector wc0 = FloatVector.broadcast(SPECIES, w[at + 2]);
        c0 = a0.fma(wc0, c0);
        c1 = b0.fma(wc0, c1);
        FloatVector wo0 = FloatVector.broadcast(SPECIES, w[at + 3]);
        o0 = a0.fma(wo0, o0);
        o1 = b0.fma(wo0, o1);
        FloatVector a1 = FloatVector.fromArray(SPECIES, a, row + LANES);
        FloatVector b1 = FloatVector.fromArray(SPECIES, a, row + LANES + WIDTH);
        FloatVector wi1 = FloatVector.broadcast(SPECIES, w[at + 4]);
        i0 = a1.fma(wi1, i0);
        i1 = b1.fma(wi1, i1);
        FloatVector wf1 = FloatVector.broadcast(SPECIES, w[at + 5]);
        f0 = a1.fma(wf1, f0);
        f1 = b1.fma(wf1, f1);
        FloatVector wc1 = FloatVector.broadcast(SPECIES, w[at + 6]);
        c0 = a1.fma(wc1, c0);
        c1 = b1.fma(wc1, c1);
        FloatVector wo1 = FloatVector.broadcast(SPECIES, w[at + 7]);
        o0 = a1.fma(wo1, o0);
        o1 = b1.fma(wo1, o1);
      }
      FloatVector before0 = FloatVector.fromArray(SPECIES, c, cAt + u * LANES);
      FloatVector before1 = FloatVector.fromArray(SPECIES, c, cAt + u * LANES + WIDTH);
      FloatVector ci = FloatVector.broadcast(SPECIES, peephole[u]);
      FloatVector cf = FloatVector.broadcast(SPECIES, peephole[units + u]);
      int to = zAt + u * 3 * LANES;
      before0.fma(ci, i0).intoArray(z, to);
      before1.fma(ci, i1).intoArray(z, to + WIDTH);
      before0.fma(cf, f0).intoArray(z, to + LANES);
      before1.fma(cf, f1).intoArray(z, to + LANES + WIDTH);
      c0.intoArray(z, to + 2 * LANES);
      c1.intoArray(z, to + 2 * LANES + WIDTH);
      o0.intoArray(z, oAt + u * 2 * LANES);
      o1.intoArray(z, oAt + u * 2 * LANES + WIDTH);
    }
  }

  /**
   * Adds five rows of a product: {@code y[j] += sum_r w[r][j] z[r]}.
   *
   * @param w packed [rows][5] from wAt
   * @param z rows [rows][16] from zAt
   * @param y rows [5][16] from yAt
   */
  static void five(float[] w, int wAt, float[] z, int zAt, int rows, float[] y, int yAt) {
    FloatVector a0 = FloatVector.fromArray(SPECIES, y, yAt);
    FloatVector a1 = FloatVector.fromArray(SPECIES, y, yAt + WIDTH);
    FloatVector b0 = FloatVector.fromArray(SPECIES, y, yAt + LANES);
    FloatVector b1 = FloatVector.fromArray(SPECIES, y, yAt + LANES + WIDTH);
    FloatVector c0 = FloatVector.fromArray(SPECIES, y, yAt + 2 * LANES);
    FloatVector c1 = FloatVector.fromArray(SPECIES, y, yAt + 2 * LANES + WIDTH);
    FloatVector d0 = FloatVector.fromArray(SPECIES, y, yAt + 3 * LANES);
    FloatVector d1 = FloatVector.fromArray(SPECIES, y, yAt + 3 * LANES + WIDTH);
    FloatVector e0 = FloatVector.fromArray(SPECIES, y, yAt + 4 * LANES);
    FloatVector e1 = FloatVector.fromArray(SPECIES, y, yAt + 4 * LANES + WIDTH);
    for (int r = 0; r < rows; r++) {
      FloatVector z0 = FloatVector.fromArray(SPECIES, z, zAt + r * LANES);
      FloatVector z1 = FloatVector.fromArray(SPECIES, z, zAt + r * LANES + WIDTH);
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
    a0.intoArray(y, yAt);
    a1.intoArray(y, yAt + WIDTH);
    b0.intoArray(y, yAt + LANES);
    b1.intoArray(y, yAt + LANES + WIDTH);
    c0.intoArray(y, yAt + 2 * LANES);
    c1.intoArray(y, yAt + 2 * LANES + WIDTH);
    d0.intoArray(y, yAt + 3 * LANES);
    d1.intoArray(y, yAt + 3 * LANES + WIDTH);
    e0.intoArray(y, yAt + 4 * LANES);
    e1.intoArray(y, yAt + 4 * LANES + WIDTH);
  }

  /**
   * One row of a product: {@code y = start + sum_r w[r] z[r]}.
   *
   * @param w weight r at wAt + r * wStride
   * @param z rows [rows][16] from zAt
   * @param y row [16] from yAt, overwritten
   */
  static void one(
      float start,
      float[] w,
      int wAt,
      int wStride,
      float[] z,
      int zAt,
      int rows,
      float[] y,
      int yAt) {
    FloatVector y0 = FloatVector.broadcast(SPECIES, start);
    FloatVector y1 = y0;
    for (int r = 0; r < rows; r++) {
      FloatVector weight = FloatVector.broadcast(SPECIES, w[wAt + r * wStride]);
      y0 = FloatVector.fromArray(SPECIES, z, zAt + r * LANES).fma(weight, y0);
      y1 = FloatVector.fromArray(SPECIES, z, zAt + r * LANES + WIDTH).fma(weight, y1);
    }
    y0.intoArray(y, yAt);
    y1.intoArray(y, yAt + WIDTH);
  }

  /** {@link #five} for one row: {@code y += sum_r w[r] z[r]}. */
  static void addOne(float[] w, int wAt, float[] z, int zAt, int rows, float[] y, int yAt) {
    FloatVector y0 = FloatVector.fromArray(SPECIES, y, yAt);
    FloatVector y1 = FloatVector.fromArray(SPECIES, y, yAt + WIDTH);
    for (int r = 0; r < rows; r++) {
      FloatVector weight = FloatVector.broadcast(SPECIES, w[wAt + r]);
      y0 = FloatVector.fromArray(SPECIES, z, zAt + r * LANES).fma(weight, y0);
      y1 = FloatVector.fromArray(SPECIES, z, zAt + r * LANES + WIDTH).fma(weight, y1);
    }
    y0.intoArray(y, yAt);
    y1.intoArray(y, yAt + WIDTH);
  }

  /**
   * Adds one row times many weights: {@code y[k] += w[k] z}.
   *
   * @param w weight k at wAt + k * wStride
   * @param z row [16] from zAt
   * @param y rows [count][16] from yAt
   */
  static void spread(
      float[] w, int wAt, int wStride, float[] z, int zAt, float[] y, int yAt, int count) {
    FloatVector z0 = FloatVector.fromArray(SPECIES, z, zAt);
    FloatVector z1 = FloatVector.fromArray(SPECIES, z, zAt + WIDTH);
    for (int k = 0; k < count; k++) {
      FloatVector weight = FloatVector.broadcast(SPECIES, w[wAt + k * wStride]);
      FloatVector y0 = z0.fma(weight, FloatVector.fromArray(SPECIES, y, yAt + k * LANES));
      FloatVector y1 = z1.fma(weight, FloatVector.fromArray(SPECIES, y, yAt + k * LANES + WIDTH));
      y0.intoArray(y, yAt + k * LANES);
      y1.intoArray(y, yAt + k * LANES + WIDTH);
    }
  }

  /**
   * Sums over time for 2 x 4 weights on eight lanes: {@code sums[k][r] = sum_t a[t][k] z[t][r]}.
   *
   * @param z row r of step t from zAt + t * zStride + r * 16
   * @param a row k of step t from aAt + t * aStride + k * 16
   * @param sums rows [2][4][16] from sumsAt, eight floats of each overwritten
   */
  static void overTime(
      float[] z,
      int zAt,
      int zStride,
      float[] a,
      int aAt,
      int aStride,
      int steps,
      float[] sums,
      int sumsAt) {
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
      FloatVector p = FloatVector.fromArray(SPECIES, a, rowA);
      FloatVector q = FloatVector.fromArray(SPECIES, a, rowA + LANES);
      FloatVector z0 = FloatVector.fromArray(SPECIES, z, rowZ);
      p0 = z0.fma(p, p0);
      q0 = z0.fma(q, q0);
      FloatVector z1 = FloatVector.fromArray(SPECIES, z, rowZ + LANES);
      p1 = z1.fma(p, p1);
      q1 = z1.fma(q, q1);
      FloatVector z2 = FloatVector.fromArray(SPECIES, z, rowZ + 2 * LANES);
      p2 = z2.fma(p, p2);
      q2 = z2.fma(q, q2);
      FloatVector z3 = FloatVector.fromArray(SPECIES, z, rowZ + 3 * LANES);
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
   * {@link #overTime} for rows of eight lanes that lie side by side.
   *
   * @param z [steps][4][8] from zAt
   * @param a [steps][2][8] from aAt
   * @param sums rows [2][4][16] from sumsAt, eight floats of each overwritten
   */
  static void overTimeSideBySide(
      float[] z, int zAt, float[] a, int aAt, int steps, float[] sums, int sumsAt) {
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
      FloatVector p = FloatVector.fromArray(SPECIES, a, aAt + t);
      FloatVector q = FloatVector.fromArray(SPECIES, a, aAt + t + WIDTH);
      FloatVector z0 = FloatVector.fromArray(SPECIES, z, rowZ);
      p0 = z0.fma(p, p0);
      q0 = z0.fma(q, q0);
      FloatVector z1 = FloatVector.fromArray(SPECIES, z, rowZ + WIDTH);
      p1 = z1.fma(p, p1);
      q1 = z1.fma(q, q1);
      FloatVector z2 = FloatVector.fromArray(SPECIES, z, rowZ + 2 * WIDTH);
      p2 = z2.fma(p, p2);
      q2 = z2.fma(q, q2);
      FloatVector z3 = FloatVector.fromArray(SPECIES, z, rowZ + 3 * WIDTH);
      p3 = z3.fma(p, p3);
      q3 = z3.fma(q, q3);
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
   * Copies groups of rows of 16 lanes so that the steps of a group lie side by side, each half by
   * itself. Eight groups at a time, so that both sides are read and written in runs.
   *
   * @param from row r of group g of step t from t * stride + (g * rows + r) * 16
   * @param to receives [groups][2][steps][rows][8]
   */
  static void sideBySide(float[] from, int stride, int rows, int groups, int steps, float[] to) {
    int half = steps * rows * WIDTH;
    for (int first = 0; first < groups; first += WIDTH) {
      int end = Math.min(groups, first + WIDTH);
      for (int t = 0; t < steps; t++) {
        for (int g = first; g < end; g++) {
          int at = t * stride + g * rows * LANES;
          int out = g * 2 * half + t * rows * WIDTH;
          for (int r = 0; r < rows; r++) {
            FloatVector low = FloatVector.fromArray(SPECIES, from, at + r * LANES);
            FloatVector high = FloatVector.fromArray(SPECIES, from, at + r * LANES + WIDTH);
            low.intoArray(to, out + r * WIDTH);
            high.intoArray(to, out + half + r * WIDTH);
          }
        }
      }
    }
  }

  /**
   * Sums over time for four weights of one output: {@code sums[k] = sum_t a[t][k] y[t]}.
   *
   * @param y row of step t from yAt + t * yStride
   * @param a row k of step t from aAt + t * aStride + k * 16
   * @param sums rows [4][16] from sumsAt, overwritten
   */
  static void overTimeFour(
      float[] y,
      int yAt,
      int yStride,
      float[] a,
      int aAt,
      int aStride,
      int steps,
      float[] sums,
      int sumsAt) {
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
      FloatVector y0 = FloatVector.fromArray(SPECIES, y, rowY);
      FloatVector y1 = FloatVector.fromArray(SPECIES, y, rowY + WIDTH);
      p0 = y0.fma(FloatVector.fromArray(SPECIES, a, rowA), p0);
      q0 = y1.fma(FloatVector.fromArray(SPECIES, a, rowA + WIDTH), q0);
      p1 = y0.fma(FloatVector.fromArray(SPECIES, a, rowA + LANES), p1);
      q1 = y1.fma(FloatVector.fromArray(SPECIES, a, rowA + LANES + WIDTH), q1);
      p2 = y0.fma(FloatVector.fromArray(SPECIES, a, rowA + 2 * LANES), p2);
      q2 = y1.fma(FloatVector.fromArray(SPECIES, a, rowA + 2 * LANES + WIDTH), q2);
      p3 = y0.fma(FloatVector.fromArray(SPECIES, a, rowA + 3 * LANES), p3);
      q3 = y1.fma(FloatVector.fromArray(SPECIES, a, rowA + 3 * LANES + WIDTH), q3);
      rowY += yStride;
      rowA += aStride;
    }
    p0.intoArray(sums, sumsAt);
    q0.intoArray(sums, sumsAt + WIDTH);
    p1.intoArray(sums, sumsAt + LANES);
    q1.intoArray(sums, sumsAt + LANES + WIDTH);
    p2.intoArray(sums, sumsAt + 2 * LANES);
    q2.intoArray(sums, sumsAt + 2 * LANES + WIDTH);
    p3.intoArray(sums, sumsAt + 3 * LANES);
    q3.intoArray(sums, sumsAt + 3 * LANES + WIDTH);
  }

  /**
   * Sums over time for the three peephole weights of one unit: i and f with the cell of the step
   * before, o with its own.
   *
   * @param z rows i, f, c, o of step t from zAt + t * zStride
   * @param c cell before step t from cAt + t * cStride
   * @param sums rows ci, cf, co [3][16] from sumsAt, overwritten
   */
  static void overTimePeepholes(
      float[] z,
      int zAt,
      int zStride,
      float[] c,
      int cAt,
      int cStride,
      int steps,
      float[] sums,
      int sumsAt) {
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
      FloatVector c0 = FloatVector.fromArray(SPECIES, c, before);
      FloatVector c1 = FloatVector.fromArray(SPECIES, c, before + WIDTH);
      FloatVector n0 = FloatVector.fromArray(SPECIES, c, now);
      FloatVector n1 = FloatVector.fromArray(SPECIES, c, now + WIDTH);
      i0 = FloatVector.fromArray(SPECIES, z, row).fma(c0, i0);
      i1 = FloatVector.fromArray(SPECIES, z, row + WIDTH).fma(c1, i1);
      f0 = FloatVector.fromArray(SPECIES, z, row + LANES).fma(c0, f0);
      f1 = FloatVector.fromArray(SPECIES, z, row + LANES + WIDTH).fma(c1, f1);
      o0 = FloatVector.fromArray(SPECIES, z, row + 3 * LANES).fma(n0, o0);
      o1 = FloatVector.fromArray(SPECIES, z, row + 3 * LANES + WIDTH).fma(n1, o1);
      row += zStride;
      before = now;
    }
    i0.intoArray(sums, sumsAt);
    i1.intoArray(sums, sumsAt + WIDTH);
    f0.intoArray(sums, sumsAt + LANES);
    f1.intoArray(sums, sumsAt + LANES + WIDTH);
    o0.intoArray(sums, sumsAt + 2 * LANES);
    o1.intoArray(sums, sumsAt + 2 * LANES + WIDTH);
  }
}
