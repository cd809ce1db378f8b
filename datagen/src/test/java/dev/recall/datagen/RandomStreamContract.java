package dev.recall.datagen;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

interface RandomStreamContract {
  BatchKey KEY = new BatchKey(11, Purpose.TRAINING, 2, 3, 4);

  /** A kernel of its own for each call. */
  RandomKernel kernel();

  @Test
  default void sameKeyGivesTheSameBits() {
    assertThat(gaussians(new BatchKey(11, Purpose.TRAINING, 2, 3, 4), 1000))
        .isEqualTo(gaussians(KEY, 1000));
  }

  @Test
  default void anyChangedComponentGivesOtherBits() {
    float[] base = gaussians(KEY, 64);
    for (BatchKey other :
        List.of(
            new BatchKey(12, Purpose.TRAINING, 2, 3, 4),
            new BatchKey(11 + (1L << 32), Purpose.TRAINING, 2, 3, 4),
            new BatchKey(11, Purpose.VALIDATION, 2, 3, 4),
            new BatchKey(11, Purpose.TRAINING, 3, 3, 4),
            new BatchKey(11, Purpose.TRAINING, 2, 4, 4),
            new BatchKey(11, Purpose.TRAINING, 2, 3, 5),
            new BatchKey(11, Purpose.TRAINING, 3, 2, 4))) {
      float[] values = gaussians(other, 64);
      for (int i = 0; i < base.length; i++) {
        assertThat(values[i]).as("%s, value %d", other, i).isNotEqualTo(base[i]);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {4, 8, 64, 252, 256, 260, 512, 996})
  default void requestsSplitAtMultiplesOfFour(int first) {
    float[] split = new float[1000];
    RandomStream stream = KEY.stream(kernel());
    stream.gaussians(split, 0, first);
    stream.gaussians(split, first, 1000 - first);
    assertThat(split).isEqualTo(gaussians(KEY, 1000));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 5, 6, 7, 255, 257, 258, 259, 511})
  default void aRequestTakesWholeBlocks(int first) {
    float[] whole = gaussians(KEY, 1000);
    float[] values = new float[first + 8];
    RandomStream stream = KEY.stream(kernel());
    stream.gaussians(values, 0, first);
    stream.gaussians(values, first, 8);
    int next = (first + 3) / 4 * 4;
    assertThat(Arrays.copyOf(values, first)).isEqualTo(Arrays.copyOf(whole, first));
    assertThat(Arrays.copyOfRange(values, first, first + 8))
        .isEqualTo(Arrays.copyOfRange(whole, next, next + 8));
  }

  @Test
  default void uniformsAndGaussiansAdvanceAlike() {
    float[] values = new float[1000];
    RandomStream stream = KEY.stream(kernel());
    stream.uniforms(values, 0, 301);
    stream.gaussians(values, 0, 4);
    assertThat(Arrays.copyOf(values, 4))
        .isEqualTo(Arrays.copyOfRange(gaussians(KEY, 1000), 304, 308));
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3, 300})
  default void onlyTheSliceIsWritten(int count) {
    float[] out = new float[count + 7];
    Arrays.fill(out, 9f);
    KEY.stream(kernel()).gaussians(out, 3, count);
    assertThat(Arrays.copyOfRange(out, 3, 3 + count)).isEqualTo(gaussians(KEY, count));
    KEY.stream(kernel()).uniforms(out, 3, count);
    assertThat(Arrays.copyOf(out, 3)).containsOnly(9f);
    assertThat(Arrays.copyOfRange(out, 3 + count, out.length)).containsOnly(9f);
  }

  @Test
  default void uniformsLieInsideTheOpenInterval() {
    assertThat(RandomStream.uniform(0)).isEqualTo(0x1p-24f);
    assertThat(RandomStream.uniform(-1)).isEqualTo(1f - 0x1p-24f);
  }

  @Test
  default void uniformsFillTheIntervalEvenly() {
    int n = 1 << 20;
    float[] values = new float[n];
    KEY.stream(kernel()).uniforms(values, 0, n);
    int[] counts = new int[1000];
    double sum = 0;
    for (float value : values) {
      counts[(int) (1000 * value)]++;
      sum += value;
    }
    // 4.5 standard errors each
    assertThat(NormalDistribution.chiSquare(counts)).isCloseTo(0, within(4.5));
    assertThat(sum / n).isCloseTo(0.5, within(4.5 * Math.sqrt(1.0 / 12 / n)));
  }

  @Test
  default void streamEndsAfterTwoToThe32Blocks() {
    float[] out = new float[12];
    RandomStream stream = KEY.stream(kernel());
    stream.seek((1L << 32) - 2);
    assertThatThrownBy(() -> stream.gaussians(out, 0, 9))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("stream: expected at most 8 values more, found 9");
    stream.gaussians(out, 0, 8);
    assertThatThrownBy(() -> stream.uniforms(out, 0, 1))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("stream: expected at most 0 values more, found 1");
  }

  @Test
  default void aSliceOutsideTheArrayIsRefused() {
    float[] out = new float[10];
    for (int[] slice : new int[][] {{-1, 2}, {0, -1}, {3, 8}, {11, 0}, {1, Integer.MAX_VALUE}}) {
      String message =
          "out: expected offset >= 0, count >= 0, offset + count <= 10, found offset %d, count %d"
              .formatted(slice[0], slice[1]);
      assertThatThrownBy(() -> KEY.stream(kernel()).gaussians(out, slice[0], slice[1]))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage(message);
      assertThatThrownBy(() -> KEY.stream(kernel()).uniforms(out, slice[0], slice[1]))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage(message);
    }
  }

  private float[] gaussians(BatchKey key, int n) {
    float[] values = new float[n];
    key.stream(kernel()).gaussians(values, 0, n);
    return values;
  }
}
