package dev.recall.datagen;

/**
 * Random numbers of one {@link BatchKey}: {@link Philox} blocks, counted from 0.
 *
 * <p>Key: the 64-bit seed, low word first. Counter: (block, step, shard, purpose code x 2^28 +
 * round). The map from (purpose, round, shard, step, block) to counters is injective, so no two
 * batches of a seed share a block.
 *
 * <p>Value i of a request comes from block i / 4 of the request. A request takes ceil(count / 4)
 * whole blocks; the next one starts at a new block. So a request splits at multiples of 4 without a
 * change of values. A stream has 2^32 blocks and serves one thread.
 */
public final class RandomStream {
  private static final long BLOCKS = 1L << 32;

  private final int[] words = new int[4 * RandomKernel.CHUNK];
  private RandomKernel kernel;
  private long next; // block

  /** Has no kernel yet: {@link #open} comes first. */
  RandomStream() {}

  /** Moves to the first block of the key that the kernel is open at. */
  RandomStream open(RandomKernel opened) {
    kernel = opened;
    next = 0;
    return this;
  }

  /**
   * Fills with N(0,1), by the transform of Box and Muller on pairs of words.
   *
   * <p>Words p, q give {@code r cos(t pi/2)}, negated for odd p, and {@code r sin(t pi/2)}, with
   * {@code r = sqrt(-2 ln u)}, {@code u = ((p >>> 1) + 1/2) / 2^31} and {@code t = q / 2^31}
   * rounded to float. The error of a value is below 1e-6; the largest magnitude is 6.66.
   *
   * @param out written at [offset, offset + count)
   * @param offset index of the first value
   * @param count number of values, at least 0
   * @throws IllegalArgumentException if the slice is not inside the array
   * @throws IllegalStateException if fewer blocks are left
   */
  public void gaussians(float[] out, int offset, int count) {
    check(out, offset, count);
    int done = 0;
    while (done < count) {
      int values = refill(count - done);
      kernel.gaussians(words, out, offset + done, values);
      done += values;
    }
  }

  /**
   * Fills with U(0,1): (w + 1/2) / 2^23 for the upper 23 bits w of a word. The values 0 and 1 do
   * not occur.
   *
   * @param out written at [offset, offset + count)
   * @param offset index of the first value
   * @param count number of values, at least 0
   * @throws IllegalArgumentException if the slice is not inside the array
   * @throws IllegalStateException if fewer blocks are left
   */
  public void uniforms(float[] out, int offset, int count) {
    check(out, offset, count);
    int done = 0;
    while (done < count) {
      int values = refill(count - done);
      for (int i = 0; i < values; i++) {
        out[offset + done + i] = uniform(words[i]);
      }
      done += values;
    }
  }

  static float uniform(int word) {
    return ((word >>> 9) + 0.5f) * 0x1p-23f;
  }

  /** Blocks taken since the stream was opened. */
  long taken() {
    return next;
  }

  /** Moves to a block; the next request starts there. For tests of the end of a stream. */
  void seek(long block) {
    next = block;
  }

  private void check(float[] out, int offset, int count) {
    Checks.slice(out, offset, count);
    long left = BLOCKS - next;
    if (blocksOf(count) > left) {
      throw new IllegalStateException(
          "stream: expected at most %d values more, found %d".formatted(4 * left, count));
    }
  }

  /** Fills the words for the next values, and returns their number. */
  private int refill(int wanted) {
    int values = Math.min(wanted, words.length);
    int count = (int) blocksOf(values);
    kernel.words(next, count, words);
    next += count;
    return values;
  }

  private static long blocksOf(int values) {
    return (values + 3L) >> 2;
  }
}
