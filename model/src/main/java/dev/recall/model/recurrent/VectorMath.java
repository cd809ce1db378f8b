package dev.recall.model.recurrent;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorSpecies;

/**
 * The forward pass's element-wise loops on eight lanes at a time: the operations of {@link
 * Activations} and {@link LstmLayer} in the same order.
 *
 * <p>Note to the maintainer. C2 keeps vectors in registers only where everything is inlined; a
 * vector that crosses a call is boxed on the heap, ten times slower. It stops inlining when a
 * method together with all it inlined grows past a limit (8,000 bytecodes), and does not inline a
 * helper that happens to have been compiled before. So each loop is one flat method without helpers
 * of ours, and those that hold most work are longer than 325 bytecodes, from where C2 compiles them
 * by themselves instead of inlining them into their callers.
 */
final class VectorMath {

  /** Eight floats: AVX2, or half an AVX-512 register. */
  static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_256;

  /** Floats per vector. */
  static final int WIDTH = 8;

  /** Lanes per block, two vectors; equals {@link Rows#LANES}. */
  static final int LANES = Rows.LANES;

  /** Bits of n + 1.5 * 2^23 for n = 127 and n = -126. */
  private static final int HIGHEST = Activations.ROUND_BITS + 127;

  private static final int LOWEST = Activations.ROUND_BITS - 126;

  /** Taken from those bits, this leaves the exponent of 2^n with its bias. */
  private static final int UNBIASED = Activations.ROUND_BITS - 127;

  private VectorMath() {}

  /** Replaces {@code count} floats, a multiple of 16, by their sigmoids. */
  static void sigmoid(float[] z, int from, int count) {
    squash(z, from, z, from, count, -Activations.LOG2_E, 1f, 0f);
  }

  /** Stores the hyperbolic tangents of {@code count} floats, a multiple of 16. */
  static void tanh(float[] z, int from, float[] out, int outAt, int count) {
    squash(z, from, out, outAt, count, 2f * Activations.LOG2_E, -2f, 1f);
  }

  /** out = bottom + top / (1 + 2^(x scale)); see {@link Activations#exp2}. */
  private static void squash(
      float[] x, int from, float[] out, int to, int count, float scale, float top, float bottom) {
    FloatVector round = FloatVector.broadcast(SPECIES, Activations.ROUND);
    FloatVector c0 = FloatVector.broadcast(SPECIES, Activations.C0);
    FloatVector c1 = FloatVector.broadcast(SPECIES, Activations.C1);
    FloatVector c2 = FloatVector.broadcast(SPECIES, Activations.C2);
    FloatVector c3 = FloatVector.broadcast(SPECIES, Activations.C3);
    FloatVector c4 = FloatVector.broadcast(SPECIES, Activations.C4);
    FloatVector c5 = FloatVector.broadcast(SPECIES, Activations.C5);
    FloatVector over = FloatVector.broadcast(SPECIES, top);
    for (int i = 0; i < count; i += LANES) {
      FloatVector t = FloatVector.fromArray(SPECIES, x, from + i).mul(scale);
      FloatVector s = t.add(round);
      FloatVector f = t.sub(s.sub(round));
      FloatVector p = f.fma(c5, c4);
      p = f.fma(p, c3);
      p = f.fma(p, c2);
      p = f.fma(p, c1);
      p = f.fma(p, c0);
      IntVector n = s.reinterpretAsInts().min(HIGHEST).max(LOWEST);
      n = n.sub(UNBIASED).lanewise(VectorOperators.LSHL, 23);
      FloatVector e = p.mul(n.reinterpretAsFloats());
      over.div(e.add(1f)).add(bottom).intoArray(out, to + i);
      t = FloatVector.fromArray(SPECIES, x, from + i + WIDTH).mul(scale);
      s = t.add(round);
      f = t.sub(s.sub(round));
      p = f.fma(c5, c4);
      p = f.fma(p, c3);
      p = f.fma(p, c2);
      p = f.fma(p, c1);
      p = f.fma(p, c0);
      n = s.reinterpretAsInts().min(HIGHEST).max(LOWEST);
      n = n.sub(UNBIASED).lanewise(VectorOperators.LSHL, 23);
      e = p.mul(n.reinterpretAsFloats());
      over.div(e.add(1f)).add(bottom).intoArray(out, to + i + WIDTH);
    }
  }

  /**
   * c = i g + f c in place, and into the history.
   *
   * @param z gates i, f, c, o from zAt, count floats each
   * @param c [units][16]
   * @param history unit u at historyAt + u * stride
   */
  static void cell(
      float[] z, int zAt, int count, float[] c, float[] history, int historyAt, int stride) {
    for (int i = 0; i < count; i += WIDTH) {
      FloatVector input = FloatVector.fromArray(SPECIES, z, zAt + i);
      FloatVector forget = FloatVector.fromArray(SPECIES, z, zAt + count + i);
      FloatVector g = FloatVector.fromArray(SPECIES, z, zAt + 2 * count + i);
      FloatVector now = input.fma(g, forget.mul(FloatVector.fromArray(SPECIES, c, i)));
      now.intoArray(c, i);
      now.intoArray(history, historyAt + i / LANES * stride + i % LANES);
    }
  }

  /** h = o tanh(c), and into the history likewise. */
  static void output(
      float[] z,
      int out,
      float[] tc,
      int tcAt,
      float[] h,
      int hAt,
      int count,
      float[] history,
      int historyAt,
      int stride) {
    for (int i = 0; i < count; i += WIDTH) {
      FloatVector now =
          FloatVector.fromArray(SPECIES, z, out + i)
              .mul(FloatVector.fromArray(SPECIES, tc, tcAt + i));
      now.intoArray(h, hAt + i);
      now.intoArray(history, historyAt + i / LANES * stride + i % LANES);
    }
  }

  /** z += c p for each unit's two vectors, p one number per unit. */
  static void peephole(float[] z, int zAt, float[] c, float[] p, int pAt, int units) {
    for (int u = 0; u < units; u++) {
      FloatVector weight = FloatVector.broadcast(SPECIES, p[pAt + u]);
      int i = u * LANES;
      FloatVector.fromArray(SPECIES, c, i)
          .fma(weight, FloatVector.fromArray(SPECIES, z, zAt + i))
          .intoArray(z, zAt + i);
      FloatVector.fromArray(SPECIES, c, i + WIDTH)
          .fma(weight, FloatVector.fromArray(SPECIES, z, zAt + i + WIDTH))
          .intoArray(z, zAt + i + WIDTH);
    }
  }
}
