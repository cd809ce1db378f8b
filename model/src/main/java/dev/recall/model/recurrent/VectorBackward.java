package dev.recall.model.recurrent;

import static dev.recall.model.recurrent.VectorMath.LANES;
import static dev.recall.model.recurrent.VectorMath.SPECIES;
import static dev.recall.model.recurrent.VectorMath.WIDTH;

import jdk.incubator.vector.FloatVector;

/**
 * The element-wise part of one backward step, unit by unit; the formulas stand at {@link
 * LstmLayer}.
 */
final class VectorBackward {

  private VectorBackward() {}

  /**
   * Turns gates into derivatives and passes dc on, without peepholes.
   *
   * @param z gates i, f, c, o from zAt, count floats each; overwritten by derivatives
   * @param tc tanh of the cell from tcAt
   * @param c cell states of the step before from cAt
   * @param dh derivatives of the outputs from dhAt
   * @param dc derivatives of the cells, from the next step to the step before
   */
  static void units(
      float[] z,
      int zAt,
      float[] tc,
      int tcAt,
      float[] c,
      int cAt,
      float[] dh,
      int dhAt,
      float[] dc,
      int count) {
    FloatVector one = FloatVector.broadcast(SPECIES, 1f);
    for (int i = 0; i < count; i += WIDTH) {
      FloatVector in = FloatVector.fromArray(SPECIES, z, zAt + i);
      FloatVector forget = FloatVector.fromArray(SPECIES, z, zAt + count + i);
      FloatVector g = FloatVector.fromArray(SPECIES, z, zAt + 2 * count + i);
      FloatVector out = FloatVector.fromArray(SPECIES, z, zAt + 3 * count + i);
      FloatVector t = FloatVector.fromArray(SPECIES, tc, tcAt + i);
      FloatVector h = FloatVector.fromArray(SPECIES, dh, dhAt + i);
      FloatVector d = h.mul(out).fma(t.neg().fma(t, one), FloatVector.fromArray(SPECIES, dc, i));
      h.mul(t).mul(out.neg().fma(out, out)).intoArray(z, zAt + 3 * count + i);
      d.mul(forget).intoArray(dc, i);
      d.mul(FloatVector.fromArray(SPECIES, c, cAt + i))
          .mul(forget.neg().fma(forget, forget))
          .intoArray(z, zAt + count + i);
      d.mul(g).mul(in.neg().fma(in, in)).intoArray(z, zAt + i);
      d.mul(in).mul(g.neg().fma(g, one)).intoArray(z, zAt + 2 * count + i);
    }
  }

  /**
   * The same with peepholes.
   *
   * @param p weights ci, cf, co of the units from pAt, units apart
   */
  static void unitsWithPeepholes(
      float[] z,
      int zAt,
      float[] tc,
      int tcAt,
      float[] c,
      int cAt,
      float[] dh,
      int dhAt,
      float[] dc,
      int count,
      float[] p,
      int pAt) {
    FloatVector one = FloatVector.broadcast(SPECIES, 1f);
    int units = count / LANES;
    for (int i = 0; i < count; i += WIDTH) {
      int at = pAt + i / LANES;
      FloatVector in = FloatVector.fromArray(SPECIES, z, zAt + i);
      FloatVector forget = FloatVector.fromArray(SPECIES, z, zAt + count + i);
      FloatVector g = FloatVector.fromArray(SPECIES, z, zAt + 2 * count + i);
      FloatVector out = FloatVector.fromArray(SPECIES, z, zAt + 3 * count + i);
      FloatVector t = FloatVector.fromArray(SPECIES, tc, tcAt + i);
      FloatVector h = FloatVector.fromArray(SPECIES, dh, dhAt + i);
      FloatVector dOut = h.mul(t).mul(out.neg().fma(out, out));
      dOut.intoArray(z, zAt + 3 * count + i);
      FloatVector d = h.mul(out).fma(t.neg().fma(t, one), FloatVector.fromArray(SPECIES, dc, i));
      d = dOut.fma(FloatVector.broadcast(SPECIES, p[at + 2 * units]), d);
      FloatVector dForget =
          d.mul(FloatVector.fromArray(SPECIES, c, cAt + i)).mul(forget.neg().fma(forget, forget));
      dForget.intoArray(z, zAt + count + i);
      FloatVector dIn = d.mul(g).mul(in.neg().fma(in, in));
      dIn.intoArray(z, zAt + i);
      d.mul(in).mul(g.neg().fma(g, one)).intoArray(z, zAt + 2 * count + i);
      FloatVector next = dIn.fma(FloatVector.broadcast(SPECIES, p[at]), d.mul(forget));
      dForget.fma(FloatVector.broadcast(SPECIES, p[at + units]), next).intoArray(dc, i);
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
