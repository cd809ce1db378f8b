package dev.recall.model.recurrent;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * The element-wise loops of a step on eight lanes at a time: the operations of {@link Activations},
 * {@link LstmLayer} and {@link ReadOut} in the same order.
 *
 * <p>Note to the maintainer. C2 keeps vectors in registers only where everything is inlined; a
 * vector that crosses a call is boxed on the heap, ten times slower. It stops inlining when a
 * method together with all it inlined grows past a limit (8,000 bytecodes), and does not inline a
 * helper that happens to have been compiled before. So each loop is one flat method without helpers
 * of ours. A body loads all that it reads before it stores anything, because C2 lets no load pass a
 * store to an array of the same type: that is what lets it interleave the two chains of a body. The
 * offsets are those of the loop counter times a constant, so that C2 checks bounds before the loop.
 *
 * <p>What the squashed values of a step are stored in: three rows per unit, i, f and s of g, and
 * behind those of all units two rows per unit, o and s of tanh(c).
 */
final class VectorMath {

  /** Eight floats: AVX2, or half an AVX-512 register. */
  static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_256;

  /** Floats per vector. */
  static final int WIDTH = 8;

  /** Lanes per block, two vectors: half of {@link Rows#LANES}. */
  static final int LANES = Rows.CHAINS;

  private VectorMath() {}

  /**
   * Replaces numbers t by 1 / (1 + 2^t); see {@link Activations#squash}.
   *
   * @param count a multiple of 16
   */
  static void squash(float[] z, int from, int count) {
    FloatVector round = FloatVector.broadcast(SPECIES, Activations.ROUND);
    FloatVector c0 = FloatVector.broadcast(SPECIES, Activations.C0);
    FloatVector c1 = FloatVector.broadcast(SPECIES, Activations.C1);
    FloatVector c2 = FloatVector.broadcast(SPECIES, Activations.C2);
    FloatVector c3 = FloatVector.broadcast(SPECIES, Activations.C3);
    FloatVector c4 = FloatVector.broadcast(SPECIES, Activations.C4);
    FloatVector c5 = FloatVector.broadcast(SPECIES, Activations.C5);
    FloatVector one = FloatVector.broadcast(SPECIES, 1f);
    int end = from + count;
    for (int i = from; i < end; i += LANES) {
      FloatVector t0 = FloatVector.fromArray(SPECIES, z, i);
      FloatVector t1 = FloatVector.fromArray(SPECIES, z, i + WIDTH);
      FloatVector s0 = t0.add(round);
      FloatVector s1 = t1.add(round);
      FloatVector f0 = t0.sub(s0.sub(round));
      FloatVector f1 = t1.sub(s1.sub(round));
      FloatVector p0 = f0.fma(c5, c4);
      FloatVector p1 = f1.fma(c5, c4);
      p0 = f0.fma(p0, c3);
      p1 = f1.fma(p1, c3);
      p0 = f0.fma(p0, c2);
      p1 = f1.fma(p1, c2);
      p0 = f0.fma(p0, c1);
      p1 = f1.fma(p1, c1);
      p0 = f0.fma(p0, c0);
      p1 = f1.fma(p1, c0);
      IntVector n0 = s0.reinterpretAsInts().min(Activations.HIGHEST).max(Activations.LOWEST);
      IntVector n1 = s1.reinterpretAsInts().min(Activations.HIGHEST).max(Activations.LOWEST);
      n0 = n0.lanewise(VectorOperators.LSHL, 23);
      n1 = n1.lanewise(VectorOperators.LSHL, 23);
      p0 = p0.mul(n0.reinterpretAsFloats());
      p1 = p1.mul(n1.reinterpretAsFloats());
      p0 = one.div(p0.add(one));
      p1 = one.div(p1.add(one));
      p0.intoArray(z, i);
      p1.intoArray(z, i + WIDTH);
    }
  }

  /**
   * One step's cells, c = i g + f c_before, and from them what o and tanh(c) are squashed from.
   *
   * @param m rows: i, f, s per unit from zAt; o and tanh per unit from oAt, o added to; the cells
   *     of the step before [units][16] from cAt, behind which those of this step are stored
   * @param w the unit's scaled weight co, wStride apart, is the last but one
   */
  static void cell(float[] m, int zAt, int oAt, int cAt, float[] w, int wStride, int units) {
    FloatVector one = FloatVector.broadcast(SPECIES, 1f);
    FloatVector scale = FloatVector.broadcast(SPECIES, Activations.TANH_SCALE);
    int next = cAt + units * LANES;
    for (int u = 0; u < units; u++) {
      int i = zAt + u * 3 * LANES;
      int o = oAt + u * 2 * LANES;
      int row = u * LANES;
      FloatVector g0 = FloatVector.fromArray(SPECIES, m, i + 2 * LANES);
      FloatVector g1 = FloatVector.fromArray(SPECIES, m, i + 2 * LANES + WIDTH);
      FloatVector c0 = FloatVector.fromArray(SPECIES, m, cAt + row);
      FloatVector c1 = FloatVector.fromArray(SPECIES, m, cAt + row + WIDTH);
      FloatVector o0 = FloatVector.fromArray(SPECIES, m, o);
      FloatVector o1 = FloatVector.fromArray(SPECIES, m, o + WIDTH);
      FloatVector co = FloatVector.broadcast(SPECIES, w[u * wStride + wStride - 2]);
      c0 = FloatVector.fromArray(SPECIES, m, i + LANES).mul(c0);
      c1 = FloatVector.fromArray(SPECIES, m, i + LANES + WIDTH).mul(c1);
      c0 = FloatVector.fromArray(SPECIES, m, i).fma(g0.add(g0).sub(one), c0);
      c1 = FloatVector.fromArray(SPECIES, m, i + WIDTH).fma(g1.add(g1).sub(one), c1);
      o0 = c0.fma(co, o0);
      o1 = c1.fma(co, o1);
      c0.intoArray(m, next + row);
      c1.intoArray(m, next + row + WIDTH);
      o0.intoArray(m, o);
      o1.intoArray(m, o + WIDTH);
      c0.mul(scale).intoArray(m, o + LANES);
      c1.mul(scale).intoArray(m, o + LANES + WIDTH);
    }
  }

  /**
   * One step's outputs, h = o tanh(c).
   *
   * @param m rows: o and s of tanh per unit from oAt; h [units][16] from hAt, overwritten
   */
  static void output(float[] m, int oAt, int units, int hAt) {
    FloatVector one = FloatVector.broadcast(SPECIES, 1f);
    for (int u = 0; u < units; u++) {
      int o = oAt + u * 2 * LANES;
      FloatVector o0 = FloatVector.fromArray(SPECIES, m, o);
      FloatVector o1 = FloatVector.fromArray(SPECIES, m, o + WIDTH);
      FloatVector t0 = FloatVector.fromArray(SPECIES, m, o + LANES);
      FloatVector t1 = FloatVector.fromArray(SPECIES, m, o + LANES + WIDTH);
      o0 = o0.mul(t0.add(t0).sub(one));
      o1 = o1.mul(t1.add(t1).sub(one));
      o0.intoArray(m, hAt + u * LANES);
      o1.intoArray(m, hAt + u * LANES + WIDTH);
    }
  }

  /**
   * The element-wise part of one step back: from derivatives of outputs and cells to those of the
   * gates and of the cells before. The formulas stand at {@link LstmLayer}.
   *
   * @param m rows: i, f, s per unit from zAt; o and tanh per unit from oAt; the cells of the step
   *     before [units][16] from cAt; dh [units][16] from dhAt; dc [units][16] from dcAt, from the
   *     next step to the step before; dz [units][i f c o][16] from dzAt, overwritten
   * @param peephole weights ci, cf, co as they are, one per unit each
   */
  static void back(
      float[] m,
      int zAt,
      int oAt,
      int cAt,
      int dhAt,
      int dcAt,
      int units,
      float[] peephole,
      int dzAt) {
    FloatVector one = FloatVector.broadcast(SPECIES, 1f);
    for (int u = 0; u < units; u++) {
      int at = zAt + u * 3 * LANES;
      int o = oAt + u * 2 * LANES;
      int row = u * LANES;
      int to = dzAt + u * 4 * LANES;
      FloatVector ci = FloatVector.broadcast(SPECIES, peephole[u]);
      FloatVector cf = FloatVector.broadcast(SPECIES, peephole[units + u]);
      FloatVector co = FloatVector.broadcast(SPECIES, peephole[2 * units + u]);
      FloatVector t = FloatVector.fromArray(SPECIES, m, o + LANES);
      FloatVector h = FloatVector.fromArray(SPECIES, m, dhAt + row);
      FloatVector out = FloatVector.fromArray(SPECIES, m, o);
      FloatVector g = FloatVector.fromArray(SPECIES, m, at + 2 * LANES);
      FloatVector forget = FloatVector.fromArray(SPECIES, m, at + LANES);
      FloatVector in = FloatVector.fromArray(SPECIES, m, at);
      FloatVector before = FloatVector.fromArray(SPECIES, m, cAt + row);
      FloatVector d = FloatVector.fromArray(SPECIES, m, dcAt + row);
      t = t.add(t).sub(one);
      g = g.add(g).sub(one);
      FloatVector dOut = h.mul(t).mul(one.sub(out).mul(out));
      d = dOut.fma(co, h.mul(out).fma(one.sub(t.mul(t)), d));
      FloatVector dForget = d.mul(before).mul(one.sub(forget).mul(forget));
      FloatVector dIn = d.mul(g).mul(one.sub(in).mul(in));
      FloatVector dCandidate = d.mul(in).mul(one.sub(g.mul(g)));
      d = dForget.fma(cf, dIn.fma(ci, d.mul(forget)));
      d.intoArray(m, dcAt + row);
      dIn.intoArray(m, to);
      dForget.intoArray(m, to + LANES);
      dCandidate.intoArray(m, to + 2 * LANES);
      dOut.intoArray(m, to + 3 * LANES);
      t = FloatVector.fromArray(SPECIES, m, o + LANES + WIDTH);
      h = FloatVector.fromArray(SPECIES, m, dhAt + row + WIDTH);
      out = FloatVector.fromArray(SPECIES, m, o + WIDTH);
      g = FloatVector.fromArray(SPECIES, m, at + 2 * LANES + WIDTH);
      forget = FloatVector.fromArray(SPECIES, m, at + LANES + WIDTH);
      in = FloatVector.fromArray(SPECIES, m, at + WIDTH);
      before = FloatVector.fromArray(SPECIES, m, cAt + row + WIDTH);
      d = FloatVector.fromArray(SPECIES, m, dcAt + row + WIDTH);
      t = t.add(t).sub(one);
      g = g.add(g).sub(one);
      dOut = h.mul(t).mul(one.sub(out).mul(out));
      d = dOut.fma(co, h.mul(out).fma(one.sub(t.mul(t)), d));
      dForget = d.mul(before).mul(one.sub(forget).mul(forget));
      dIn = d.mul(g).mul(one.sub(in).mul(in));
      dCandidate = d.mul(in).mul(one.sub(g.mul(g)));
      d = dForget.fma(cf, dIn.fma(ci, d.mul(forget)));
      d.intoArray(m, dcAt + row + WIDTH);
      dIn.intoArray(m, to + WIDTH);
      dForget.intoArray(m, to + LANES + WIDTH);
      dCandidate.intoArray(m, to + 2 * LANES + WIDTH);
      dOut.intoArray(m, to + 3 * LANES + WIDTH);
    }
  }

  /**
   * Turns a row of 16 outputs into derivatives 2 w (y - target), and adds to the sums of loss and
   * weight of its lanes.
   *
   * @param y row from yAt, overwritten
   * @param targets targets from first; weights likewise
   * @param loss sums from sumAt, added to; weight likewise
   */
  static void loss(
      float[] y,
      int yAt,
      float[] targets,
      float[] weights,
      int first,
      float[] loss,
      float[] weight,
      int sumAt) {
    for (int i = 0; i < LANES; i += WIDTH) {
      FloatVector w = FloatVector.fromArray(SPECIES, weights, first + i);
      FloatVector target = FloatVector.fromArray(SPECIES, targets, first + i);
      FloatVector error = FloatVector.fromArray(SPECIES, y, yAt + i).sub(target);
      FloatVector weighted = w.mul(error);
      FloatVector sum = weighted.fma(error, FloatVector.fromArray(SPECIES, loss, sumAt + i));
      FloatVector weightSum = FloatVector.fromArray(SPECIES, weight, sumAt + i).add(w);
      sum.intoArray(loss, sumAt + i);
      weightSum.intoArray(weight, sumAt + i);
      weighted.add(weighted).intoArray(y, yAt + i);
    }
  }
}
