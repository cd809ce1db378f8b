package dev.recall.datagen;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class SequenceBatchTest {

  @Test
  void arraysHaveTheStatedShapes() {
    SequenceBatch batch = new SequenceBatch(2, 3, 5, 7);
    assertThat(batch.steps()).isEqualTo(2);
    assertThat(batch.batchSize()).isEqualTo(3);
    assertThat(batch.inputSize()).isEqualTo(5);
    assertThat(batch.targetSize()).isEqualTo(7);
    assertThat(batch.inputs()).hasSize(2 * 3 * 5).containsOnly(0f);
    assertThat(batch.targets()).hasSize(2 * 3 * 7).containsOnly(0f);
    assertThat(batch.weights()).hasSize(2 * 3 * 7).containsOnly(0f);
    assertThat(batch.inputs()).isSameAs(batch.inputs());
  }

  @Test
  void sizesBelowOneAreRefusedByName() {
    refuses("steps: expected at least 1, found 0", 0, 1, 1, 1);
    refuses("batchSize: expected at least 1, found -1", 1, -1, 1, 1);
    refuses("inputSize: expected at least 1, found 0", 1, 1, 0, 1);
    refuses("targetSize: expected at least 1, found 0", 1, 1, 1, 0);
  }

  @Test
  void arraysBeyondTheLargestAreRefusedBeforeTheyAreAllocated() {
    refuses(
        "inputs [T=65536, B=65536, size=1]: expected at most 2147483639 elements, found 4294967296",
        1 << 16,
        1 << 16,
        1,
        1);
    refuses(
        "targets [T=1024, B=1024, size=2048]: expected at most 2147483639 elements, found"
            + " 2147483648",
        1024,
        1024,
        1,
        2048);
  }

  private static void refuses(
      String message, int steps, int batchSize, int inputSize, int targetSize) {
    assertThatThrownBy(() -> new SequenceBatch(steps, batchSize, inputSize, targetSize))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(message);
  }
}
