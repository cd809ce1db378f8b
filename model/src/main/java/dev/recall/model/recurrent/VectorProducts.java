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
   * One row of a product: {@code y = start + sum_r w[r * stride] z[r]}.
   *
   * @param z rows [rows][16] from zAt
   * @param y row [16] from yAt, overwritten
   */
  static void one(
      float start,
      float[] w,
      int wAt,
      int stride,
      float[] z,
      int zAt,
      int rows,
      float[] y,
      int yAt) {
    FloatVector a0 = FloatVector.broadcast(SPECIES, start);
    FloatVector a1 = a0;
    for (int r = 0; r < rows; r++) {
      FloatVector weight = FloatVector.broadcast(SPECIES, w[wAt + r * stride]);
      a0 = FloatVector.fromArray(SPECIES, z, zAt + r * LANES).fma(weight, a0);
      a1 = FloatVector.fromArray(SPECIES, z, zAt + r * LANES + WIDTH).fma(weight, a1);
    }
    a0.intoArray(y, yAt);
    a1.intoArray(y, yAt + WIDTH);
  }

  /**
   * Sums over time for 4 x 2 weights on eight lanes: {@code sum[k][r] += sum_t z[t][r] a[t][k]},
   * each chain from zero.
   *
   * @param z row r of step t from zAt + t * zStep + r * 16
   * @param a row k of step t from aAt + t * aStep + k * 16
   * @param sum entry (k, r) from sumAt + (k * width + r) * 16, eight floats
   */
  static void overTime(
      float[] z,
      int zAt,
      int zStep,
      float[] a,
      int aAt,
      int aStep,
      int steps,
      float[] sum,
      int sumAt,
      int width) {
    FloatVector p0 = FloatVector.zero(SPECIES);
    FloatVector p1 = p0;
    FloatVector p2 = p0;
    FloatVector p3 = p0;
    FloatVector q0 = p0;
    FloatVector q1 = p0;
    FloatVector q2 = p0;
    FloatVector q3 = p0;
    for (int t = 0; t < steps; t++) {
      int at = aAt + t * aStep;
      FloatVector p = FloatVector.fromArray(SPECIES, a, at);
      FloatVector q = FloatVector.fromArray(SPECIES, a, at + LANES);
      int row = zAt + t * zStep;
      FloatVector z0 = FloatVector.fromArray(SPECIES, z, row);
      p0 = z0.fma(p, p0);
      q0 = z0.fma(q, q0);
      FloatVector z1 = FloatVector.fromArray(SPECIES, z, row + LANES);
      p1 = z1.fma(p, p1);
      q1 = z1.fma(q, q1);
      FloatVector z2 = FloatVector.fromArray(SPECIES, z, row + 2 * LANES);
      p2 = z2.fma(p, p2);
      q2 = z2.fma(q, q2);
      FloatVector z3 = FloatVector.fromArray(SPECIES, z, row + 3 * LANES);
      p3 = z3.fma(p, p3);
      q3 = z3.fma(q, q3);
    }
    int second = sumAt + width * LANES;
    p0.add(FloatVector.fromArray(SPECIES, sum, sumAt)).intoArray(sum, sumAt);
    p1.add(FloatVector.fromArray(SPECIES, sum, sumAt + LANES)).intoArray(sum, sumAt + LANES);
    p2.add(FloatVector.fromArray(SPECIES, sum, sumAt + 2 * LANES))
        .intoArray(sum, sumAt + 2 * LANES);
    p3.add(FloatVector.fromArray(SPECIES, sum, sumAt + 3 * LANES))
        .intoArray(sum, sumAt + 3 * LANES);
    q0.add(FloatVector.fromArray(SPECIES, sum, second)).intoArray(sum, second);
    q1.add(FloatVector.fromArray(SPECIES, sum, second + LANES)).intoArray(sum, second + LANES);
    q2.add(FloatVector.fromArray(SPECIES, sum, second + 2 * LANES))
        .intoArray(sum, second + 2 * LANES);
    q3.add(FloatVector.fromArray(SPECIES, sum, second + 3 * LANES))
        .intoArray(sum, second + 3 * LANES);
  }

  /** {@link #overTime} for one weight. */
  static void overTimeOne(
      float[] z,
      int zAt,
      int zStep,
      float[] a,
      int aAt,
      int aStep,
      int steps,
      float[] sum,
      int sumAt) {
    FloatVector p = FloatVector.zero(SPECIES);
    for (int t = 0; t < steps; t++) {
      p =
          FloatVector.fromArray(SPECIES, z, zAt + t * zStep)
              .fma(FloatVector.fromArray(SPECIES, a, aAt + t * aStep), p);
    }
    p.add(FloatVector.fromArray(SPECIES, sum, sumAt)).intoArray(sum, sumAt);
  }

  /** {@link #overTime} for four weights of one column; a row of ones makes them biases. */
  static void overTimeFour(
      float[] z,
      int zAt,
      int zStep,
      float[] a,
      int aAt,
      int aStep,
      int steps,
      float[] sum,
      int sumAt) {
    FloatVector p0 = FloatVector.zero(SPECIES);
    FloatVector p1 = p0;
    FloatVector p2 = p0;
    FloatVector p3 = p0;
    for (int t = 0; t < steps; t++) {
      FloatVector p = FloatVector.fromArray(SPECIES, a, aAt + t * aStep);
      int row = zAt + t * zStep;
      p0 = FloatVector.fromArray(SPECIES, z, row).fma(p, p0);
      p1 = FloatVector.fromArray(SPECIES, z, row + LANES).fma(p, p1);
      p2 = FloatVector.fromArray(SPECIES, z, row + 2 * LANES).fma(p, p2);
      p3 = FloatVector.fromArray(SPECIES, z, row + 3 * LANES).fma(p, p3);
    }
    p0.add(FloatVector.fromArray(SPECIES, sum, sumAt)).intoArray(sum, sumAt);
    p1.add(FloatVector.fromArray(SPECIES, sum, sumAt + LANES)).intoArray(sum, sumAt + LANES);
    p2.add(FloatVector.fromArray(SPECIES, sum, sumAt + 2 * LANES))
        .intoArray(sum, sumAt + 2 * LANES);
    p3.add(FloatVector.fromArray(SPECIES, sum, sumAt + 3 * LANES))
        .intoArray(sum, sumAt + 3 * LANES);
  }
}
