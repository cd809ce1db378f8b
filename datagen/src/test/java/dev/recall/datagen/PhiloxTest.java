package dev.recall.datagen;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

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

  @Test
  void purposeCodesAreFixed() {
    assertThat(Purpose.TRAINING.code()).isEqualTo(1);
    assertThat(Purpose.VALIDATION.code()).isEqualTo(2);
    assertThat(Purpose.TEST.code()).isEqualTo(3);
    assertThat(Purpose.INITIALIZATION.code()).isEqualTo(4);
    assertThat(Purpose.JUDGEMENT.code()).isEqualTo(5);
    assertThat(Purpose.values()).hasSize(5);
  }

  private static int[] words(String hex) {
    return Arrays.stream(hex.split(" ")).mapToInt(w -> Integer.parseUnsignedInt(w, 16)).toArray();
  }
}
