package dev.recall.datagen;

import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * The kernel on the Vector API, 256 bits at a time; loaded only where the API is there.
 *
 * <p>Note to the maintainer. {@link #philox} holds each word of four blocks in the lower halves of
 * four longs. AVX2 has no instruction that C2 would take for the upper half of a 32-bit product, so
 * it comes from a double: {@code x | 2^52's bits} is the double {@code 2^52 + x}, and
 *
 * <pre>
 *   fma(2^52 + x, M, 1.5 2^84 - 2^52 M - 2^31) = 1.5 2^84 + (x M - 2^31), rounded to 2^32
 *                                              = 1.5 2^84 + 2^32 floor(x M / 2^32)
 * </pre>
 *
 * <p>whose lower bits are the upper half of the product. The addend has 53 bits, so it is exact.
 * The one tie is x = 0, since M is odd, and goes to the even 0. The upper halves of the longs are
 * constants, and the round keys turn those of a sum into those of 2^52 + x. The rest is 32-bit
 * products, shifts and exclusive ors: integers, hence the bits of {@link Philox}.
 *
 * <p>{@link #radii} and {@link #circle} do the operations of {@link BoxMuller} per lane in the same
 * order; a root of a float by way of a double is the float's root. A pair of words is a long, so
 * that words and values are taken apart and joined by shifts.
 *
 * <p>Each loop is one flat method of more than 325 bytecodes, so that C2 compiles it by itself, and
 * takes in less than 8,000: of a vector that comes from a call beyond them C2 does not know the
 * class while it parses. It then goes by the profile of methods that the model's kernels use as
 * well, and where that names two classes, a vector is boxed in the loop. Box and Muller in one loop
 * was 9 us slower per batch in two of five JVMs. For the same reason no operand is a scalar where
 * the API would have to broadcast it.
 */
public final class VectorKernel implements RandomKernel {
  private static final VectorSpecies<Long> LONGS = LongVector.SPECIES_256;
  private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_256;
  private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_256;
  private static final VectorSpecies<Double> DOUBLES = DoubleVector.SPECIES_256;

  /** Words per iteration: four blocks, or eight pairs. */
  private static final int GROUP = 16;

  private static final long LOW = 0xFFFFFFFFL;

  /** Bits of 2^52, and of 1.5 2^84. */
  private static final long TWO_52 = 0x4330L << 48;

  private static final long SUM = 0x4538L << 48;
  private static final double ADDEND0 = 0x1.8p84 - Philox.M0 * 0x1p52 - 0x1p31;
  private static final double ADDEND1 = 0x1.8p84 - Philox.M1 * 0x1p52 - 0x1p31;

  /** Lanes of four blocks, so that {@link #SWAP} and {@link #ODD} bring them in order. */
  private static final long[] BLOCKS = {0, 2, 1, 3};

  private static final VectorShuffle<Integer> SWAP =
      VectorShuffle.fromValues(INTS, 2, 3, 0, 1, 6, 7, 4, 5);
  private static final VectorMask<Integer> ODD = VectorMask.fromLong(INTS, 0b11001100);

  private final long[] keys = new long[2 * Philox.ROUNDS]; // [rounds, 2]
  private final long[] counter = new long[4]; // word 0 is left to the call
  private final float[] radii = new float[2 * CHUNK];
  private final float[] tail = new float[GROUP];

  /** Creates a kernel; called by {@link java.util.ServiceLoader}. */
  public VectorKernel() {}

  @Override
  public boolean suitsThisMachine() {
    return INTS.length() <= IntVector.SPECIES_MAX.length();
  }

  @Override
  public void open(BatchKey key) {
    int r0 = (int) key.seed();
    int r1 = (int) (key.seed() >>> 32);
    for (int k = 0; k < keys.length; k += 2) {
      keys[k] = SUM ^ TWO_52 | r0 & LOW;
      keys[k + 1] = SUM ^ TWO_52 | r1 & LOW;
      r0 += Philox.W0;
      r1 += Philox.W1;
    }
    counter[1] = key.step();
    counter[2] = TWO_52 | key.shard();
    counter[3] = (key.purpose().code() << 28 | key.round()) & LOW;
  }

  @Override
  public void words(long first, int blocks, int[] words) {
    philox(keys, counter, first, blocks, words);
  }

  @Override
  public void gaussians(int[] words, float[] out, int offset, int count) {
    int whole = count & -GROUP;
    radii(words, radii, count);
    circle(words, 0, radii, out, offset, whole);
    if (whole < count) {
      circle(words, whole, radii, tail, 0, GROUP);
      System.arraycopy(tail, 0, out, offset + whole, count - whole);
    }
  }

  /** Writes four blocks at a time, beyond the last one if their number is no multiple of four. */
  private static void philox(long[] keys, long[] counter, long first, int blocks, int[] words) {
    DoubleVector m0 = DoubleVector.broadcast(DOUBLES, (double) Philox.M0);
    DoubleVector m1 = DoubleVector.broadcast(DOUBLES, (double) Philox.M1);
    DoubleVector a0 = DoubleVector.broadcast(DOUBLES, ADDEND0);
    DoubleVector a1 = DoubleVector.broadcast(DOUBLES, ADDEND1);
    IntVector n0 = LongVector.broadcast(LONGS, Philox.M0).reinterpretAsInts();
    IntVector n1 = LongVector.broadcast(LONGS, Philox.M1).reinterpretAsInts();
    LongVector lanes = LongVector.fromArray(LONGS, BLOCKS, 0);
    LongVector low = LongVector.broadcast(LONGS, LOW);
    for (int b = 0; b < blocks; b += 4) {
      LongVector x0 = lanes.add(LongVector.broadcast(LONGS, TWO_52 + first + b));
      LongVector x1 = LongVector.broadcast(LONGS, counter[1]);
      LongVector x2 = LongVector.broadcast(LONGS, counter[2]);
      LongVector x3 = LongVector.broadcast(LONGS, counter[3]);
      for (int k = 0; k < 2 * Philox.ROUNDS; k += 2) {
        LongVector k0 = LongVector.broadcast(LONGS, keys[k]);
        LongVector k1 = LongVector.broadcast(LONGS, keys[k + 1]);
        LongVector high0 = x0.reinterpretAsDoubles().fma(m0, a0).reinterpretAsLongs();
        LongVector high1 = x2.reinterpretAsDoubles().fma(m1, a1).reinterpretAsLongs();
        LongVector low0 = x0.reinterpretAsInts().mul(n0).reinterpretAsLongs();
        LongVector low1 = x2.reinterpretAsInts().mul(n1).reinterpretAsLongs();
        x0 = k0.lanewise(VectorOperators.XOR, x1).lanewise(VectorOperators.XOR, high1);
        x2 = k1.lanewise(VectorOperators.XOR, x3).lanewise(VectorOperators.XOR, high0);
        x1 = low1;
        x3 = low0;
      }
      IntVector p = low.and(x0).or(x1.lanewise(VectorOperators.LSHL, 32)).reinterpretAsInts();
      IntVector q = low.and(x2).or(x3.lanewise(VectorOperators.LSHL, 32)).reinterpretAsInts();
      p.blend(q.rearrange(SWAP), ODD).intoArray(words, 4 * b);
      p.rearrange(SWAP).blend(q, ODD).intoArray(words, 4 * b + 8);
    }
  }

  /**
   * {@link BoxMuller}'s r of pair i of a group goes to radius i of its eight, see {@link #circle}.
   */
  private static void radii(int[] words, float[] radii, int count) {
    LongVector low = LongVector.broadcast(LONGS, LOW);
    IntVector rootHalf = IntVector.broadcast(INTS, BoxMuller.SQRT_HALF);
    for (int i = 0; i < count; i += GROUP) {
      LongVector a = IntVector.fromArray(INTS, words, i).reinterpretAsLongs();
      LongVector b = IntVector.fromArray(INTS, words, i + 8).reinterpretAsLongs();
      IntVector p = a.and(low).or(b.lanewise(VectorOperators.LSHL, 32)).reinterpretAsInts();
      FloatVector u =
          (FloatVector) p.lanewise(VectorOperators.LSHR, 1).convert(VectorOperators.I2F, 0);
      IntVector above =
          u.add(FloatVector.broadcast(FLOATS, 0.5f)).reinterpretAsInts().sub(rootHalf);
      FloatVector f =
          above
              .and(IntVector.broadcast(INTS, 0x7fffff))
              .add(rootHalf)
              .reinterpretAsFloats()
              .sub(FloatVector.broadcast(FLOATS, 1f));
      FloatVector e =
          (FloatVector)
              above
                  .lanewise(VectorOperators.ASHR, 23)
                  .neg()
                  .add(IntVector.broadcast(INTS, 31))
                  .convert(VectorOperators.I2F, 0);
      FloatVector y =
          FloatVector.broadcast(FLOATS, BoxMuller.L8)
              .fma(f, FloatVector.broadcast(FLOATS, BoxMuller.L7));
      y = y.fma(f, FloatVector.broadcast(FLOATS, BoxMuller.L6));
      y = y.fma(f, FloatVector.broadcast(FLOATS, BoxMuller.L5));
      y = y.fma(f, FloatVector.broadcast(FLOATS, BoxMuller.L4));
      y = y.fma(f, FloatVector.broadcast(FLOATS, BoxMuller.L3));
      y = y.fma(f, FloatVector.broadcast(FLOATS, BoxMuller.L2));
      y = y.fma(f, FloatVector.broadcast(FLOATS, BoxMuller.L1));
      y = y.fma(f, FloatVector.broadcast(FLOATS, BoxMuller.L0));
      e.fma(FloatVector.broadcast(FLOATS, BoxMuller.TWO_LN_2), y.mul(f))
          .lanewise(VectorOperators.SQRT)
          .intoArray(radii, i / 2);
    }
  }

  /**
   * Values from {@code to} of the words from {@code from}; count is a multiple of 16.
   *
   * <p>Eight pairs in order are a0 a1 a2 a3 b0 b1 b2 b3, and their order in the lanes, here and in
   * {@link #radii}, is a0 b0 a1 b1 a2 b2 a3 b3.
   */
  private static void circle(int[] words, int from, float[] radii, float[] out, int to, int count) {
    LongVector low = LongVector.broadcast(LONGS, LOW);
    LongVector high = LongVector.broadcast(LONGS, ~LOW);
    for (int i = 0; i < count; i += GROUP) {
      LongVector a = IntVector.fromArray(INTS, words, from + i).reinterpretAsLongs();
      LongVector b = IntVector.fromArray(INTS, words, from + i + 8).reinterpretAsLongs();
      IntVector q = b.and(high).or(a.lanewise(VectorOperators.LSHR, 32)).reinterpretAsInts();
      FloatVector r = FloatVector.fromArray(FLOATS, radii, (from + i) / 2);
      FloatVector t =
          ((FloatVector) q.convert(VectorOperators.I2F, 0))
              .mul(FloatVector.broadcast(FLOATS, 0x1p-31f));
      FloatVector z = t.mul(t);
      FloatVector s =
          FloatVector.broadcast(FLOATS, BoxMuller.S4)
              .fma(z, FloatVector.broadcast(FLOATS, BoxMuller.S3));
      s = s.fma(z, FloatVector.broadcast(FLOATS, BoxMuller.S2));
      s = s.fma(z, FloatVector.broadcast(FLOATS, BoxMuller.S1));
      s = s.fma(z, FloatVector.broadcast(FLOATS, BoxMuller.S0));
      LongVector y = s.fma(t, t).mul(r).reinterpretAsLongs();
      FloatVector c =
          FloatVector.broadcast(FLOATS, BoxMuller.C5)
              .fma(z, FloatVector.broadcast(FLOATS, BoxMuller.C4));
      c = c.fma(z, FloatVector.broadcast(FLOATS, BoxMuller.C3));
      c = c.fma(z, FloatVector.broadcast(FLOATS, BoxMuller.C2));
      c = c.fma(z, FloatVector.broadcast(FLOATS, BoxMuller.C1));
      c = c.fma(z, FloatVector.broadcast(FLOATS, 1f)).mul(r);
      // the lowest bits of the words p, as signs
      LongVector p =
          a.lanewise(VectorOperators.LSHL, 63)
              .lanewise(VectorOperators.LSHR, 32)
              .or(b.lanewise(VectorOperators.LSHL, 63));
      LongVector x = c.reinterpretAsLongs().lanewise(VectorOperators.XOR, p);
      x.and(low)
          .or(y.lanewise(VectorOperators.LSHL, 32))
          .reinterpretAsFloats()
          .intoArray(out, to + i);
      y.and(high)
          .or(x.lanewise(VectorOperators.LSHR, 32))
          .reinterpretAsFloats()
          .intoArray(out, to + i + 8);
    }
  }
}
