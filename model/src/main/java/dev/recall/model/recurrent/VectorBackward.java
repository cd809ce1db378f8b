package dev.recall.model.recurrent;

import static dev.recall.model.recurrent.VectorMath.LANES;
import static dev.recall.model.recurrent.VectorMath.SPECIES;
import static dev.recall.model.recurrent.VectorMath.WIDTH;

import jdk.incubator.vector.FloatVector;

/**
 * The element-wise part of one backward step, unit by unit; the formulas stand at {@link
 * LstmLayer}. With and without peepholes are two loops for the reason that {@link VectorMath}
 * gives: a common helper would box its vectors.
 */
final class VectorBackward {

  private VectorBackward() {}

  /**
   * Turns gates of one step into derivatives and passes dc on, without peepholes.
   *
   * @param z gates i, f, c, o from zAt, count floats each; read only
   * @param tc tanh of the cell from tcAt
   * @param c cells of the step before, unit u at cAt + u * cStride
   * @param dh derivatives of the outputs from dhAt
   * @param dc derivatives of the cells, from the next step to the step before
   * @param dz receives the derivatives of the gates, like z
   * @param all receives them too, row r of z at allAt + r * stride
   */
  static void units(
      float[] z,
      int zAt,
      float[] tc,
      int tcAt,
      float[] c,
      int cAt,
      int cStride,
      float[] dh,
      int dhAt,
      float[] dc,
      int count,
      float[] dz,
      float[] all,
      int allAt,
      int stride) {
    FloatVector one = FloatVector.broadcast(SPECIES, 1f);
    int units = count / LANES;
    for (int i = 0; i < count; i += WIDTH) {
      int u = i / LANES;
      int half = i % LANES;
      int to = allAt + u * stride + half;
      int gate = units * stride;
      FloatVector t = FloatVector.fromArray(SPECIES, tc, tcAt + i);
      FloatVector h = FloatVector.fromArray(SPECIES, dh, dhAt + i);
      FloatVector out = FloatVector.fromArray(SPECIES, z, zAt + 3 * count + i);
      FloatVector dOut = h.mul(t).mul(out.neg().fma(out, out));
      dOut.intoArray(dz, 3 * count + i);
      dOut.intoArray(all, to + 3 * gate);
      FloatVector d = h.mul(out).fma(t.neg().fma(t, one), FloatVector.fromArray(SPECIES, dc, i));
      FloatVector forget = FloatVector.fromArray(SPECIES, z, zAt + count + i);
      FloatVector before = FloatVector.fromArray(SPECIES, c, cAt + u * cStride + half);
      FloatVector dForget = d.mul(before).mul(forget.neg().fma(forget, forget));
      dForget.intoArray(dz, count + i);
      dForget.intoArray(all, to + gate);
      FloatVector in = FloatVector.fromArray(SPECIES, z, zAt + i);
      FloatVector g = FloatVector.fromArray(SPECIES, z, zAt + 2 * count + i);
      FloatVector dIn = d.mul(g).mul(in.neg().fma(in, in));
      dIn.intoArray(dz, i);
      dIn.intoArray(all, to);
      FloatVector dCandidate = d.mul(in).mul(g.neg().fma(g, one));
      dCandidate.intoArray(dz, 2 * count + i);
      dCandidate.intoArray(all, to + 2 * gate);
      d.mul(forget).intoArray(dc, i);
    }
  }

  /**
   * The same with peepholes.
   *
   * @param p weights ci, cf, co, one per unit each
   */
  static void unitsWithPeepholes(
      float[] z,
      int zAt,
      float[] tc,
      int tcAt,
      float[] c,
      int cAt,
      int cStride,
      float[] dh,
      int dhAt,
      float[] dc,
      int count,
      float[] dz,
      float[] all,
      int allAt,
      int stride,
      float[] p) {
    FloatVector one = FloatVector.broadcast(SPECIES, 1f);
    int units = count / LANES;
    for (int i = 0; i < count; i += WIDTH) {
      int u = i / LANES;
      int half = i % LANES;
      int to = allAt + u * stride + half;
      int gate = units * stride;
      FloatVector t = FloatVector.fromArray(SPECIES, tc, tcAt + i);
      FloatVector h = FloatVector.fromArray(SPECIES, dh, dhAt + i);
      FloatVector out = FloatVector.fromArray(SPECIES, z, zAt + 3 * count + i);
      FloatVector dOut = h.mul(t).mul(out.neg().fma(out, out));
      dOut.intoArray(dz, 3 * count + i);
      dOut.intoArray(all, to + 3 * gate);
      FloatVector d = h.mul(out).fma(t.neg().fma(t, one), FloatVector.fromArray(SPECIES, dc, i));
      d = dOut.fma(FloatVector.broadcast(SPECIES, p[2 * units + u]), d);
      FloatVector forget = FloatVector.fromArray(SPECIES, z, zAt + count + i);
      FloatVector before = FloatVector.fromArray(SPECIES, c, cAt + u * cStride + half);
      FloatVector dForget = d.mul(before).mul(forget.neg().fma(forget, forget));
      dForget.intoArray(dz, count + i);
      dForget.intoArray(all, to + gate);
      FloatVector in = FloatVector.fromArray(SPECIES, z, zAt + i);
      FloatVector g = FloatVector.fromArray(SPECIES, z, zAt + 2 * count + i);
      FloatVector dIn = d.mul(g).mul(in.neg().fma(in, in));
      dIn.intoArray(dz, i);
      dIn.intoArray(all, to);
      FloatVector dCandidate = d.mul(in).mul(g.neg().fma(g, one));
      dCandidate.intoArray(dz, 2 * count + i);
      dCandidate.intoArray(all, to + 2 * gate);
      FloatVector next = dIn.fma(FloatVector.broadcast(SPECIES, p[u]), d.mul(forget));
      dForget.fma(FloatVector.broadcast(SPECIES, p[units + u]), next).intoArray(dc, i);
    }
  }

  /** a += b. */
  static void add(float[] a, int aAt, float[] b, int bAt, int count) {
    for (int i = 0; i < count; i += WIDTH) {
      FloatVector.fromArray(SPECIES, a, aAt + i)
          .add(FloatVector.fromArray(SPECIES, b, bAt + i))
          .intoArray(a, aAt + i);
    }
  }
}
