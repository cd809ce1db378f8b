package dev.recall.datagen;

/**
 * Successive {@link Philox} blocks of one {@link BatchKey}.
 *
 * <p>Note to the maintainer. The rounds are the outer loop and the blocks the inner one, so that
 * the JIT vectorises over blocks. It does so when all rows lie in one array at a constant distance;
 * a vector multiplication of 64-bit lanes needs the state in {@code long}s, upper halves zero.
 * Measured on one core of an EPYC 7003, JDK 17: 2.7 ns per word, against 4.4 with {@link
 * Philox#block} per block.
 */
final class PhiloxBlocks {
  private static final int CHUNK = RandomKernel.CHUNK;
  private static final long LOW = 0xFFFFFFFFL;

  private int k0;
  private int k1;
  private int step;
  private int shard;
  private int purposeAndRound;
  private final long[] state = new long[4 * CHUNK]; // [4, CHUNK], counters, then words

  /** Moves to the blocks of a key. */
  void open(BatchKey key) {
    k0 = (int) key.seed();
    k1 = (int) (key.seed() >>> 32);
    step = key.step();
    shard = key.shard();
    purposeAndRound = key.purpose().code() << 28 | key.round();
  }

  /** Writes blocks [first, first + blocks) to words [0, 4 blocks); blocks is at most CHUNK. */
  void fill(long first, int blocks, int[] words) {
    long[] s = state;
    for (int b = 0; b < blocks; b++) {
      s[b] = first + b;
      s[b + CHUNK] = step;
      s[b + 2 * CHUNK] = shard;
      s[b + 3 * CHUNK] = purposeAndRound & LOW;
    }
    int r0 = k0;
    int r1 = k1;
    for (int round = 0; round < Philox.ROUNDS; round++) {
      round(s, blocks, r0 & LOW, r1 & LOW);
      r0 += Philox.W0;
      r1 += Philox.W1;
    }
    for (int b = 0; b < blocks; b++) {
      words[4 * b] = (int) s[b];
      words[4 * b + 1] = (int) s[b + CHUNK];
      words[4 * b + 2] = (int) s[b + 2 * CHUNK];
      words[4 * b + 3] = (int) s[b + 3 * CHUNK];
    }
  }

  private static void round(long[] s, int blocks, long r0, long r1) {
    for (int b = 0; b < blocks; b++) {
      long p0 = Philox.M0 * s[b];
      long p1 = Philox.M1 * s[b + 2 * CHUNK];
      long x0 = (p1 >>> 32) ^ s[b + CHUNK] ^ r0;
      long x2 = (p0 >>> 32) ^ s[b + 3 * CHUNK] ^ r1;
      s[b] = x0;
      s[b + CHUNK] = p1 & LOW;
      s[b + 2 * CHUNK] = x2;
      s[b + 3 * CHUNK] = p0 & LOW;
    }
  }
}
