package dev.recall.datagen;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PhiloxTest {

  /** Random123, kat_vectors, "philox4x32 10". */
  @ParameterizedTest
  @CsvSource({
    "00000000 00000000 00000000 00000000, 00000000 00000000, 6627e8d5 e169c58d bc57ac4c 9b00dbd8",
    "ffffffff ffffffff ffffffff ffffffff, ffffffff ffffffff, 408f276d 41c83b0e a20bc7c6 6d5451fd",
    "243f6a88 85a308d3 13198a2e 03707344, a4093822 299f31d0, d16cfe09 94fdcceb 5001e420 24126ea1"
  })
  void blockEqualsPublishedVectors(String counter, String key, String expected) {
    int[] c = words(counter);
    int[] k = words(key);
    int[] out = new int[4];
    Philox.block(c[0], c[1], c[2], c[3], k[0], k[1], out, 0);
    assertThat(out).isEqualTo(words(expected));
  }

  @Test
  void blockWritesFourWordsAtTheOffset() {
    int[] out = new int[9];
    Philox.block(0, 0, 0, 0, 0, 0, out, 3);
    assertThat(out).isEqualTo(words("0 0 0 6627e8d5 e169c58d bc57ac4c 9b00dbd8 0 0"));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 7, 8, 13, 63, PhiloxBlocks.CHUNK})
  void blocksOfAKeyAreTheFunctionOfItsCounter(int blocks) {
    BatchKey key = new BatchKey(0x0123456789abcdefL, Purpose.TEST, 0xfedcba9, 0x7fffffff, 0x12345);
    int[] out = new int[4 * PhiloxBlocks.CHUNK];
    int[] expected = out.clone();
    for (long first : new long[] {0, 0x7ffffffeL, 0xffffffffL - blocks}) {
      new PhiloxBlocks(key).fill(first, blocks, out);
      for (int b = 0; b < blocks; b++) {
        int counter = (int) (first + b);
        Philox.block(
            counter, 0x12345, 0x7fffffff, 0x3fedcba9, 0x89abcdef, 0x01234567, expected, 4 * b);
      }
      assertThat(out).isEqualTo(expected);
    }
  }

  /**
   * For one seed a block is a bijection of the counter, so different blocks prove different
   * counters.
   */
  @Test
  void noTwoKeysOfASeedShareABlock() {
    int[] corners = {0, 1, 1 << 16, 1 << 27, (1 << 28) - 1};
    long[] indices = {0, 1, 1L << 31, (1L << 32) - 1};
    int[] out = new int[4 * PhiloxBlocks.CHUNK];
    Set<String> seen = new HashSet<>();
    int blocks = 0;
    for (Purpose purpose : Purpose.values()) {
      for (int round : corners) {
        for (int shard : corners) {
          for (int step : corners) {
            PhiloxBlocks of = new PhiloxBlocks(new BatchKey(7, purpose, round, shard, step));
            for (long index : indices) {
              of.fill(index, 1, out);
              seen.add(Arrays.toString(Arrays.copyOf(out, 4)));
              blocks++;
            }
          }
        }
      }
    }
    assertThat(seen).hasSize(blocks);
  }

  @Test
  void purposeCodesAreFixed() {
    assertThat(Purpose.TRAINING.code()).isEqualTo(1);
    assertThat(Purpose.VALIDATION.code()).isEqualTo(2);
    assertThat(Purpose.TEST.code()).isEqualTo(3);
    assertThat(Purpose.INITIALIZATION.code()).isEqualTo(4);
    assertThat(Purpose.values()).hasSize(4);
  }

  private static int[] words(String hex) {
    return Arrays.stream(hex.split(" ")).mapToInt(w -> Integer.parseUnsignedInt(w, 16)).toArray();
  }
}
