package dev.recall.datagen;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class BatchKeyTest {

  @Test
  void limitsAreAllowed() {
    int most = Integer.MAX_VALUE;
    assertThat(new BatchKey(Long.MIN_VALUE, Purpose.TEST, 0, 0, 0).round()).isZero();
    assertThat(new BatchKey(Long.MAX_VALUE, Purpose.TEST, (1 << 28) - 1, most, most).shard())
        .isEqualTo(most);
  }

  @Test
  void valuesOutOfRangeAreRefusedByName() {
    assertThatThrownBy(() -> new BatchKey(0, Purpose.TEST, -1, 0, 0))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("round: expected in [0, 268435455], found -1");
    assertThatThrownBy(() -> new BatchKey(0, Purpose.TEST, 1 << 28, 0, 0))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("round: expected in [0, 268435455], found 268435456");
    assertThatThrownBy(() -> new BatchKey(0, Purpose.TEST, 0, -2, 0))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("shard: expected at least 0, found -2");
    assertThatThrownBy(() -> new BatchKey(0, Purpose.TEST, 0, 0, -3))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("step: expected at least 0, found -3");
    assertThatThrownBy(() -> new BatchKey(0, null, 0, 0, 0))
        .isInstanceOf(NullPointerException.class)
        .hasMessage("purpose");
  }
}
