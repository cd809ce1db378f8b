package dev.recall.datagen;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What every kernel gives: the words of {@link Philox}, and the transform of Box and Muller. */
interface RandomKernelContract {

  /** A kernel of its own for each call. */
  RandomKernel kernel();

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 7, 8, 13, 63, RandomKernel.CHUNK})
  default void blocksOfAKeyAreTheFunctionOfItsCounter(int blocks) {
    BatchKey key = new BatchKey(0x0123456789abcdefL, Purpose.TEST, 0xfedcba9, 0x7fffffff, 0x12345);
    int[] out = new int[4 * RandomKernel.CHUNK];
    int[] expected = new int[4 * blocks];
    RandomKernel kernel = kernel();
    kernel.open(key);
    for (long first : new long[] {0, 0x7ffffffeL, 0x100000000L - blocks}) {
      kernel.words(first, blocks, out);
      for (int b = 0; b < blocks; b++) {
        int counter = (int) (first + b);
        Philox.block(
            counter, 0x12345, 0x7fffffff, 0x3fedcba9, 0x89abcdef, 0x01234567, expected, 4 * b);
      }
      assertThat(Arrays.copyOf(out, 4 * blocks)).isEqualTo(expected);
    }
  }

  /**
   * For one seed a block is a bijection of the counter, so different blocks prove different
   * counters.
   */
  @Test
  default void noTwoKeysOfASeedShareABlock() {
    int[] corners = {0, 1, 1 << 16, 1 << 27, (1 << 28) - 1};
    long[] indices = {0, 1, 1L << 31, (1L << 32) - 1};
    int[] out = new int[4 * RandomKernel.CHUNK];
    Set<String> seen = new HashSet<>();
    RandomKernel kernel = kernel();
    int blocks = 0;
    for (Purpose purpose : Purpose.values()) {
      for (int round : corners) {
        for (int shard : corners) {
          for (int step : corners) {
            kernel.open(new BatchKey(7, purpose, round, shard, step));
            for (long index : indices) {
              kernel.words(index, 1, out);
              seen.add(Arrays.toString(Arrays.copyOf(out, 4)));
              blocks++;
            }
          }
        }
      }
    }
    assertThat(seen).hasSize(blocks);
  }

  /** Every magnitude of the radius word gets the same share, so that the tail is examined too. */
  @Test
  default void gaussiansAreWithinOneMillionthOfTheExactTransform() {
    SplittableRandom random = new SplittableRandom(1);
    int[] words = new int[4 * RandomKernel.CHUNK];
    float[] out = new float[words.length];
    RandomKernel kernel = kernel();
    double worst = 0;
    for (int k = 0; k < 3200; k++) {
      for (int i = 0; i < words.length; i += 2) {
        words[i] = random.nextInt() >>> (k % 32);
        words[i + 1] = random.nextInt();
      }
      kernel.gaussians(words, out, 0, words.length);
      for (int i = 0; i < words.length; i += 2) {
        double u = ((words[i] >>> 1) + 0.5f) * 0x1p-31;
        double angle = words[i + 1] * 0x1p-31f * (Math.PI / 2);
        double r = StrictMath.sqrt(-2 * StrictMath.log(u));
        double x = (words[i] & 1) == 0 ? r * StrictMath.cos(angle) : -r * StrictMath.cos(angle);
        worst = Math.max(worst, Math.abs(out[i] - x));
        worst = Math.max(worst, Math.abs(out[i + 1] - r * StrictMath.sin(angle)));
      }
    }
    assertThat(worst).isLessThan(1e-6);
  }

  @Test
  default void extremeWordsGiveTheStatedValues() {
    float largest = (float) Math.sqrt(64 * StrictMath.log(2)); // 6.66
    int most = Integer.MAX_VALUE;
    assertThat(pair(0, 0)).containsExactly(largest, 0f);
    assertThat(pair(1, 0)).containsExactly(-largest, 0f);
    assertThat(pair(0, most)[1]).isEqualTo(largest);
    assertThat(pair(0, Integer.MIN_VALUE)[1]).isEqualTo(-largest);
    assertThat(Math.abs(pair(0, most)[0])).isLessThan(1e-6f);
    for (int p : new int[] {-1, -2, -128}) { // the 2^7 words whose u rounds to 1
      for (int q : new int[] {0, 1, -1, most, Integer.MIN_VALUE}) {
        assertThat(pair(p, q)).usingComparatorWithPrecision(0f).containsExactly(0f, 0f);
      }
    }
    assertThat(pair(-130, 0)[0]).isGreaterThan(1e-4f);
  }

  private float[] pair(int p, int q) {
    float[] out = new float[2];
    int[] words = new int[4 * RandomKernel.CHUNK];
    words[0] = p;
    words[1] = q;
    kernel().gaussians(words, out, 0, 2);
    return out;
  }
}
