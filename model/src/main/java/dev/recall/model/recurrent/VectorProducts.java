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
 * is one chain over its index in rising order, which is the order of {@link Rows}.
 */
final class VectorProducts {

  /** Rows of the result per tile of {@link #five}. */
  static final int FIVE = 5;

  private VectorProducts() {}

  /**
   * The four gates of one unit: {@code z[gate] = w[0][gate] + sum_k w[1 + k][gate] a[k]}.
   *
   * @param w packed [1 + rows][4] from wAt
   * @param a rows [rows][16] from aAt
   * @param z row of gate g from zAt + g * stride
   */
  static void gates(
      float[] w, int wAt, float[] a, int aAt, int rows, float[] z, int zAt, int stride) {
    FloatVector i0 = FloatVector.broadcast(SPECIES, w[wAt]);
    FloatVector f0 = FloatVector.broadcast(SPECIES, w[wAt + 1]);
    FloatVector c0 = FloatVector.broadcast(SPECIES, w[wAt + 2]);
    FloatVector o0 = FloatVector.broadcast(SPECIES, w[wAt + 3]);
    FloatVector i1 = i0;
    FloatVector f1 = f0;
    FloatVector c1 = c0;
    FloatVector o1 = o0;
    for (int k = 0; k < rows; k++) {
      FloatVector a0 = FloatVector.fromArray(SPECIES, a, aAt + k * LANES);
      FloatVector a1 = FloatVector.fromArray(SPECIES, a, aAt + k * LANES + WIDTH);
      int at = wAt + 4 + 4 * k;
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
    i0.intoArray(z, zAt);
    i1.intoArray(z, zAt + WIDTH);
    f0.intoArray(z, zAt + stride);
    f1.intoArray(z, zAt + stride + WIDTH);
    c0.intoArray(z, zAt + 2 * stride);
    c1.intoArray(z, zAt + 2 * stride + WIDTH);
    o0.intoArray(z, zAt + 3 * stride);
    o1.intoArray(z, zAt + 3 * stride + WIDTH);
  }

  /**
   * Five rows of a product: {@code y[j] = sum_r w[r][j] z[r]}.
   *
   * @param w packed [rows][5] from wAt
   * @param z rows [rows][16] from zAt
   * @param y rows [5][16] from yAt, overwritten
   */
  static void five(float[] w, int wAt, float[] z, int zAt, int rows, float[] y, int yAt) {
    FloatVector a0 = FloatVector.zero(SPECIES);
    FloatVector a1 = a0;
    FloatVector b0 = a0;
    FloatVector b1 = a0;
    FloatVector c0 = a0;
    FloatVector c1 = a0;
    FloatVector d0 = a0;
    FloatVector d1 = a0;
    FloatVector e0 = a0;
    FloatVector e1 = a0;
    for (int r = 0; r < rows; r++) {
      FloatVector z0 = FloatVector.fromArray(SPECIES, z, zAt + r * LANES);
      FloatVector z1 = FloatVector.fromArray(SPECIES, z, zAt + r * LANES + WIDTH);
      int at = wAt + r * FIVE;
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
   * @param z row r [16] at zAt + r * zStride
   * @param y row [16] from yAt, overwritten
   */
  static void one(
      float start,
      float[] w,
      int wAt,
      int wStride,
      float[] z,
      int zAt,
      int zStride,
      int rows,
      float[] y,
      int yAt) {
    FloatVector a0 = FloatVector.broadcast(SPECIES, start);
    FloatVector a1 = a0;
    for (int r = 0; r < rows; r++) {
      FloatVector weight = FloatVector.broadcast(SPECIES, w[wAt + r * wStride]);
      int at = zAt + r * zStride;
      a0 = FloatVector.fromArray(SPECIES, z, at).fma(weight, a0);
      a1 = FloatVector.fromArray(SPECIES, z, at + WIDTH).fma(weight, a1);
    }
    a0.intoArray(y, yAt);
    a1.intoArray(y, yAt + WIDTH);
  }

  /**
   * Sums over time for 4 x 2 weights on eight lanes: {@code sum[k][r] += sum_t z[r][t] a[k][t]},
   * each chain from zero.
   *
   * @param z row r of step t from zAt + r * zStride + t * 16
   * @param a row k of step t from aAt + k * aStride + t * 16
   * @param sum entry (k, r) from sumAt + k * sumStride + r * 16, eight floats
   */
  static void overTime(
      float[] z,
      int zAt,
      int zStride,
      float[] a,
      int aAt,
      int aStride,
      int steps,
      float[] sum,
      int sumAt,
      int sumStride) {
    FloatVector p0 = FloatVector.zero(SPECIES);
    FloatVector p1 = p0;
    FloatVector p2 = p0;
    FloatVector p3 = p0;
    FloatVector q0 = p0;
    FloatVector q1 = p0;
    FloatVector q2 = p0;
    FloatVector q3 = p0;
    int a1 = aAt + aStride;
    int r1 = zAt + zStride;
    int r2 = r1 + zStride;
    int r3 = r2 + zStride;
    int end = steps * LANES;
    for (int t = 0; t < end; t += LANES) {
      FloatVector p = FloatVector.fromArray(SPECIES, a, aAt + t);
      FloatVector q = FloatVector.fromArray(SPECIES, a, a1 + t);
      FloatVector z0 = FloatVector.fromArray(SPECIES, z, zAt + t);
      p0 = z0.fma(p, p0);
      q0 = z0.fma(q, q0);
      FloatVector z1 = FloatVector.fromArray(SPECIES, z, r1 + t);
      p1 = z1.fma(p, p1);
      q1 = z1.fma(q, q1);
      FloatVector z2 = FloatVector.fromArray(SPECIES, z, r2 + t);
      p2 = z2.fma(p, p2);
      q2 = z2.fma(q, q2);
      FloatVector z3 = FloatVector.fromArray(SPECIES, z, r3 + t);
      p3 = z3.fma(p, p3);
      q3 = z3.fma(q, q3);
    }
    p0.add(FloatVector.fromArray(SPECIES, sum, sumAt)).intoArray(sum, sumAt);
    p1.add(FloatVector.fromArray(SPECIES, sum, sumAt + 16)).intoArray(sum, sumAt + 16);
    p2.add(FloatVector.fromArray(SPECIES, sum, sumAt + 32)).intoArray(sum, sumAt + 32);
    p3.add(FloatVector.fromArray(SPECIES, sum, sumAt + 48)).intoArray(sum, sumAt + 48);
    int to = sumAt + sumStride;
    q0.add(FloatVector.fromArray(SPECIES, sum, to)).intoArray(sum, to);
    q1.add(FloatVector.fromArray(SPECIES, sum, to + 16)).intoArray(sum, to + 16);
    q2.add(FloatVector.fromArray(SPECIES, sum, to + 32)).intoArray(sum, to + 32);
    q3.add(FloatVector.fromArray(SPECIES, sum, to + 48)).intoArray(sum, to + 48);
  }

  /** {@link #overTime} for four weights: rows of z with one row of a. */
  static void overTimeFour(
      float[] z, int zAt, int zStride, float[] a, int aAt, int steps, float[] sum, int sumAt) {
    FloatVector p0 = FloatVector.zero(SPECIES);
    FloatVector p1 = p0;
    FloatVector p2 = p0;
    FloatVector p3 = p0;
    int r1 = zAt + zStride;
    int r2 = r1 + zStride;
    int r3 = r2 + zStride;
    int end = steps * LANES;
    for (int t = 0; t < end; t += LANES) {
      FloatVector p = FloatVector.fromArray(SPECIES, a, aAt + t);
      p0 = FloatVector.fromArray(SPECIES, z, zAt + t).fma(p, p0);
      p1 = FloatVector.fromArray(SPECIES, z, r1 + t).fma(p, p1);
      p2 = FloatVector.fromArray(SPECIES, z, r2 + t).fma(p, p2);
      p3 = FloatVector.fromArray(SPECIES, z, r3 + t).fma(p, p3);
    }
    p0.add(FloatVector.fromArray(SPECIES, sum, sumAt)).intoArray(sum, sumAt);
    p1.add(FloatVector.fromArray(SPECIES, sum, sumAt + 16)).intoArray(sum, sumAt + 16);
    p2.add(FloatVector.fromArray(SPECIES, sum, sumAt + 32)).intoArray(sum, sumAt + 32);
    p3.add(FloatVector.fromArray(SPECIES, sum, sumAt + 48)).intoArray(sum, sumAt + 48);
  }

  /** {@link #overTime} for one weight. */
  static void overTimeOne(
      float[] z, int zAt, float[] a, int aAt, int steps, float[] sum, int sumAt) {
    FloatVector p = FloatVector.zero(SPECIES);
    int end = steps * LANES;
    for (int t = 0; t < end; t += LANES) {
      p =
          FloatVector.fromArray(SPECIES, z, zAt + t)
              .fma(FloatVector.fromArray(SPECIES, a, aAt + t), p);
    }
    p.add(FloatVector.fromArray(SPECIES, sum, sumAt)).intoArray(sum, sumAt);
  }

  /**
   * The three peephole weights of one unit: i and f with the cell of the step before, o with its
   * own.
   *
   * @param z rows of the gates i, f, c, o, gateStride apart
   * @param c cells of the unit, step t - 1 at cAt + t * 16
   * @param sum entries ci, cf, co, sumStride apart
   */
  static void overTimePeepholes(
      float[] z,
      int zAt,
      int gateStride,
      float[] c,
      int cAt,
      int steps,
      float[] sum,
      int sumAt,
      int sumStride) {
    FloatVector in = FloatVector.zero(SPECIES);
    FloatVector forget = in;
    FloatVector out = in;
    int f = zAt + gateStride;
    int o = zAt + 3 * gateStride;
    int after = cAt + LANES;
    int end = steps * LANES;
    for (int t = 0; t < end; t += LANES) {
      FloatVector before = FloatVector.fromArray(SPECIES, c, cAt + t);
      in = FloatVector.fromArray(SPECIES, z, zAt + t).fma(before, in);
      forget = FloatVector.fromArray(SPECIES, z, f + t).fma(before, forget);
      out =
          FloatVector.fromArray(SPECIES, z, o + t)
              .fma(FloatVector.fromArray(SPECIES, c, after + t), out);
    }
    in.add(FloatVector.fromArray(SPECIES, sum, sumAt)).intoArray(sum, sumAt);
    int at = sumAt + sumStride;
    forget.add(FloatVector.fromArray(SPECIES, sum, at)).intoArray(sum, at);
    at += sumStride;
    out.add(FloatVector.fromArray(SPECIES, sum, at)).intoArray(sum, at);
  }
}
