package dev.recall.datagen;

/**
 * Philox4x32-10: a function from a 128-bit counter and a 64-bit key to 128 random bits.
 *
 * <p>For one key it is a bijection of the counters, so different counters give different blocks.
 *
 * <p>Source: Salmon, Moraes, Dror and Shaw, Parallel Random Numbers: As Easy as 1, 2, 3, SC 2011,
 * section 3.3; constants and test vectors from its library Random123.
 */
public final class Philox {
  static final int ROUNDS = 10;
  static final long M0 = 0xD2511F53L;
  static final long M1 = 0xCD9E8D57L;
  static final int W0 = 0x9E3779B9; // golden ratio
  static final int W1 = 0xBB67AE85; // sqrt(3) - 1

  private Philox() {}

  /**
   * Writes one block.
   *
   * @param c0 counter word 0
   * @param c1 counter word 1
   * @param c2 counter word 2
   * @param c3 counter word 3
   * @param k0 key word 0
   * @param k1 key word 1
   * @param out written at [offset, offset + 4)
   * @param offset index of the first of the four words
   */
  public static void block(int c0, int c1, int c2, int c3, int k0, int k1, int[] out, int offset) {
    int x0 = c0;
    int x1 = c1;
    int x2 = c2;
    int x3 = c3;
    int r0 = k0;
    int r1 = k1;
    for (int round = 0; round < ROUNDS; round++) {
      long p0 = M0 * (x0 & 0xFFFFFFFFL);
      long p1 = M1 * (x2 & 0xFFFFFFFFL);
      x0 = (int) (p1 >>> 32) ^ x1 ^ r0;
      x2 = (int) (p0 >>> 32) ^ x3 ^ r1;
      x1 = (int) p1;
      x3 = (int) p0;
      r0 += W0;
      r1 += W1;
    }
    out[offset] = x0;
    out[offset + 1] = x1;
    out[offset + 2] = x2;
    out[offset + 3] = x3;
  }
}
