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
 * <p>{@link #boxMuller} does the operations of {@link BoxMuller} per lane in the same order; a root
 * of a float by way of a double is the float's root. A pair of words is a long, so that words and
 * values are taken apart and joined by shifts.
 *
 * <p>As in the model's kernels each loop is one flat method of more than 325 bytecodes, and no
 * vector crosses a call of ours. Two groups of four blocks fill AVX2's registers: one group, three
 * or four groups, or two rounds unrolled were slower.
 */
public final class VectorKernel implements RandomKernel {
  private static final VectorSpecies<Long> LONGS = LongVector.SPECIES_256;
  private static final VectorSpecies<Integer> INTS = IntVector.SPECIES_256;
  private static final VectorSpecies<Float> FLOATS = FloatVector.SPECIES_256;
  private static final VectorSpecies<Double> DOUBLES = DoubleVector.SPECIES_256;

  /** Values per iteration of {@link #boxMuller}, and words per four blocks. */
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
    boxMuller(words, 0, out, offset, whole);
    if (whole < count) {
      boxMuller(words, whole, tail, 0, GROUP);
      System.arraycopy(tail, 0, out, offset + whole, count - whole);
    }
  }

  /** Writes eight blocks at a time, beyond the last one if their number is no multiple of eight. */
  private static void philox(long[] keys, long[] counter, long first, int blocks, int[] words) {
    DoubleVector m0 = DoubleVector.broadcast(DOUBLES, (double) Philox.M0);
    DoubleVector m1 = DoubleVector.broadcast(DOUBLES, (double) Philox.M1);
    DoubleVector a0 = DoubleVector.broadcast(DOUBLES, ADDEND0);
    DoubleVector a1 = DoubleVector.broadcast(DOUBLES, ADDEND1);
    IntVector n0 = LongVector.broadcast(LONGS, Philox.M0).reinterpretAsInts();
    IntVector n1 = LongVector.broadcast(LONGS, Philox.M1).reinterpretAsInts();
    LongVector lanes = LongVector.fromArray(LONGS, BLOCKS, 0);
    for (int b = 0; b < blocks; b += 8) {
      LongVector x0 = lanes.add(TWO_52 + first + b);
      LongVector x1 = LongVector.broadcast(LONGS, counter[1]);
      LongVector x2 = LongVector.broadcast(LONGS, counter[2]);
      LongVector x3 = LongVector.broadcast(LONGS, counter[3]);
      LongVector y0 = lanes.add(TWO_52 + first + b + 4);
      LongVector y1 = x1;
      LongVector y2 = x2;
      LongVector y3 = x3;
      for (int k = 0; k < 2 * Philox.ROUNDS; k += 2) {
        LongVector k0 = LongVector.broadcast(LONGS, keys[k]);
        LongVector k1 = LongVector.broadcast(LONGS, keys[k + 1]);
        LongVector high0 = x0.reinterpretAsDoubles().fma(m0, a0).reinterpretAsLongs();
        LongVector high1 = x2.reinterpretAsDoubles().fma(m1, a1).reinterpretAsLongs();
        LongVector low0 = x0.reinterpretAsInts().mul(n0).reinterpretAsLongs();
        LongVector low1 = x2.reinterpretAsInts().mul(n1).reinterpretAsLongs();
        x0 = x1.lanewise(VectorOperators.XOR, k0).lanewise(VectorOperators.XOR, high1);
        x2 = x3.lanewise(VectorOperators.XOR, k1).lanewise(VectorOperators.XOR, high0);
        x1 = low1;
        x3 = low0;
        high0 = y0.reinterpretAsDoubles().fma(m0, a0).reinterpretAsLongs();
        high1 = y2.reinterpretAsDoubles().fma(m1, a1).reinterpretAsLongs();
        low0 = y0.reinterpretAsInts().mul(n0).reinterpretAsLongs();
        low1 = y2.reinterpretAsInts().mul(n1).reinterpretAsLongs();
        y0 = y1.lanewise(VectorOperators.XOR, k0).lanewise(VectorOperators.XOR, high1);
        y2 = y3.lanewise(VectorOperators.XOR, k1).lanewise(VectorOperators.XOR, high0);
        y1 = low1;
        y3 = low0;
      }
      IntVector p = x0.and(LOW).or(x1.lanewise(VectorOperators.LSHL, 32)).reinterpretAsInts();
      IntVector q = x2.and(LOW).or(x3.lanewise(VectorOperators.LSHL, 32)).reinterpretAsInts();
      p.blend(q.rearrange(SWAP), ODD).intoArray(words, 4 * b);
      p.rearrange(SWAP).blend(q, ODD).intoArray(words, 4 * b + 8);
      p = y0.and(LOW).or(y1.lanewise(VectorOperators.LSHL, 32)).reinterpretAsInts();
      q = y2.and(LOW).or(y3.lanewise(VectorOperators.LSHL, 32)).reinterpretAsInts();
      p.blend(q.rearrange(SWAP), ODD).intoArray(words, 4 * b + 16);
      p.rearrange(SWAP).blend(q, ODD).intoArray(words, 4 * b + 24);
    }
  }

  /** Transforms words from {@code from} to values from {@code to}; count is a multiple of 16. */
  private static void boxMuller(int[] words, int from, float[] out, int to, int count) {
    for (int i = 0; i < count; i += GROUP) {
      LongVector a = IntVector.fromArray(INTS, words, from + i).reinterpretAsLongs();
      LongVector b = IntVector.fromArray(INTS, words, from + i + 8).reinterpretAsLongs();
      IntVector p = a.and(LOW).or(b.lanewise(VectorOperators.LSHL, 32)).reinterpretAsInts();
      IntVector q = b.and(~LOW).or(a.lanewise(VectorOperators.LSHR, 32)).reinterpretAsInts();

      FloatVector u =
          (FloatVector) p.lanewise(VectorOperators.LSHR, 1).convert(VectorOperators.I2F, 0);
      IntVector above = u.add(0.5f).reinterpretAsInts().sub(BoxMuller.SQRT_HALF);
      FloatVector f = above.and(0x7fffff).add(BoxMuller.SQRT_HALF).reinterpretAsFloats().sub(1f);
      FloatVector e =
          (FloatVector)
              above
                  .lanewise(VectorOperators.ASHR, 23)
                  .neg()
                  .add(31)
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
      y = e.fma(FloatVector.broadcast(FLOATS, BoxMuller.TWO_LN_2), y.mul(f));
      FloatVector r = y.lanewise(VectorOperators.SQRT);

      FloatVector t = ((FloatVector) q.convert(VectorOperators.I2F, 0)).mul(0x1p-31f);
      FloatVector z = t.mul(t);
      y =
          FloatVector.broadcast(FLOATS, BoxMuller.S4)
              .fma(z, FloatVector.broadcast(FLOATS, BoxMuller.S3));
      y = y.fma(z, FloatVector.broadcast(FLOATS, BoxMuller.S2));
      y = y.fma(z, FloatVector.broadcast(FLOATS, BoxMuller.S1));
      y = y.fma(z, FloatVector.broadcast(FLOATS, BoxMuller.S0));
      LongVector sine = r.mul(y.fma(t, t)).reinterpretAsInts().reinterpretAsLongs();
      y =
          FloatVector.broadcast(FLOATS, BoxMuller.C5)
              .fma(z, FloatVector.broadcast(FLOATS, BoxMuller.C4));
      y = y.fma(z, FloatVector.broadcast(FLOATS, BoxMuller.C3));
      y = y.fma(z, FloatVector.broadcast(FLOATS, BoxMuller.C2));
      y = y.fma(z, FloatVector.broadcast(FLOATS, BoxMuller.C1));
      y = r.mul(y.fma(z, FloatVector.broadcast(FLOATS, 1f)));
      LongVector cosine =
          y.reinterpretAsInts()
              .lanewise(VectorOperators.XOR, p.lanewise(VectorOperators.LSHL, 31))
              .reinterpretAsLongs();

      cosine
          .and(LOW)
          .or(sine.lanewise(VectorOperators.LSHL, 32))
          .reinterpretAsFloats()
          .intoArray(out, to + i);
      sine.and(~LOW)
          .or(cosine.lanewise(VectorOperators.LSHR, 32))
          .reinterpretAsFloats()
          .intoArray(out, to + i + 8);
    }
  }
}
