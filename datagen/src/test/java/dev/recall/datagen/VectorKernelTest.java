package dev.recall.datagen;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** The test JVM has the Vector API. */
class VectorKernelTest
    implements RandomKernelContract, RandomStreamContract, GaussianDistributionContract {

  @Override
  public RandomKernel kernel() {
    return RandomKernels.vector().orElseThrow();
  }

  @Test
  void isNotThePlainKernel() {
    assertThat(kernel()).isNotInstanceOf(PlainKernel.class);
  }

  /** Lengths from 0 to three chunks, at odd offsets; what lies around the slice is compared too. */
  @Test
  void streamsHaveTheBitsOfThePlainKernelForTwoThousandKeys() {
    SplittableRandom random = new SplittableRandom(20261123);
    RandomKernel plain = new PlainKernel();
    RandomKernel vector = kernel();
    for (int i = 0; i < 2000; i++) {
      BatchKey key = key(random);
      int offset = random.nextInt(40);
      int[] counts = {random.nextInt(800), random.nextInt(40), random.nextInt(300)};
      float[] expected = values(key.stream(plain), offset, counts);
      float[] found = values(key.stream(vector), offset, counts);
      assertThat(bits(found))
          .as("%s, %d, %s", key, offset, Arrays.toString(counts))
          .isEqualTo(bits(expected));
    }
  }

  /**
   * The upper half of a product comes from a rounded double: words near the ends and the middle.
   */
  @Test
  void wordsHaveTheBitsOfThePlainKernelWhereProductsAreNearACarry() {
    RandomKernel plain = new PlainKernel();
    RandomKernel vector = kernel();
    int[] expected = new int[4 * RandomKernel.CHUNK];
    int[] found = new int[4 * RandomKernel.CHUNK];
    for (int shard : new int[] {0, 1, 2, 3, 1 << 30, Integer.MAX_VALUE - 1, Integer.MAX_VALUE}) {
      for (long seed : new long[] {0, 1, -1, 0xffffffffL, 1L << 31, 1L << 63, 0xffffffffL << 32}) {
        for (long first : new long[] {0, (1L << 31) - 32, (1L << 32) - 64}) {
          BatchKey key = new BatchKey(seed, Purpose.TRAINING, 0, shard, 0);
          plain.open(key);
          vector.open(key);
          plain.words(first, RandomKernel.CHUNK, expected);
          vector.words(first, RandomKernel.CHUNK, found);
          assertThat(found).as("%s, first %d", key, first).isEqualTo(expected);
        }
      }
    }
  }

  /** Words of every magnitude, so that the tail is compared too; every count up to a chunk. */
  @Test
  void gaussiansHaveTheBitsOfThePlainKernelForEveryCount() {
    SplittableRandom random = new SplittableRandom(7);
    RandomKernel plain = new PlainKernel();
    RandomKernel vector = kernel();
    int[] words = new int[4 * RandomKernel.CHUNK];
    for (int count = 0; count <= words.length; count++) {
      for (int i = 0; i < words.length; i++) {
        int word = random.nextInt() >>> random.nextInt(32);
        words[i] = random.nextBoolean() ? word : ~word;
      }
      float[] expected = new float[words.length + 3];
      float[] found = new float[words.length + 3];
      plain.gaussians(words, expected, 3, count);
      vector.gaussians(words, found, 3, count);
      assertThat(bits(found)).as("%d values", count).isEqualTo(bits(expected));
    }
  }

  private static BatchKey key(SplittableRandom random) {
    Purpose[] purposes = Purpose.values();
    return new BatchKey(
        random.nextLong(),
        purposes[random.nextInt(purposes.length)],
        random.nextInt(BatchKey.MAX_ROUNDS),
        random.nextInt() >>> 1,
        random.nextInt() >>> 1);
  }

  private static float[] values(RandomStream stream, int offset, int[] counts) {
    float[] out = new float[offset + counts[0] + counts[1] + counts[2] + 5];
    Arrays.fill(out, 9f);
    stream.gaussians(out, offset, counts[0]);
    stream.uniforms(out, offset + counts[0], counts[1]);
    stream.gaussians(out, offset + counts[0] + counts[1], counts[2]);
    return out;
  }

  /** -0 and 0 differ. */
  private static int[] bits(float[] values) {
    int[] bits = new int[values.length];
    for (int i = 0; i < bits.length; i++) {
      bits[i] = Float.floatToRawIntBits(values[i]);
    }
    return bits;
  }
}
