package dev.recall.datagen;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class AddingTaskTest implements SequenceTaskContract {
  private static final int T = 7;
  private static final int B = 20_000;

  @Override
  public List<SequenceTask> tasks() {
    return List.of(
        new AddingTask(2, 1), new AddingTask(3, 4), new AddingTask(7, 5), new AddingTask(100, 32));
  }

  @Override
  public SequenceTask resized(SequenceTask task, int steps, int batchSize) {
    return new AddingTask(steps, batchSize);
  }

  @Test
  void eachHalfHasOneMarkerUniformlyPlaced() {
    float[] inputs = batch().inputs();
    int[] counts = new int[T];
    for (int b = 0; b < B; b++) {
      int first = 0;
      int second = 0;
      for (int step = 0; step < T; step++) {
        float marker = inputs[2 * (step * B + b) + 1];
        assertThat(marker == 0f || marker == 1f).isTrue();
        counts[step] += (int) marker;
        first += step < T / 2 ? (int) marker : 0;
        second += step >= T / 2 ? (int) marker : 0;
      }
      assertThat(first == 1 && second == 1).isTrue();
    }
    // 4.5 standard errors
    assertThat(NormalDistribution.chiSquare(Arrays.copyOf(counts, 3))).isCloseTo(0, within(4.5));
    assertThat(NormalDistribution.chiSquare(Arrays.copyOfRange(counts, 3, T)))
        .isCloseTo(0, within(4.5));
  }

  @Test
  void valuesAreUniform() {
    float[] inputs = batch().inputs();
    int[] counts = new int[100];
    for (int i = 0; i < inputs.length; i += 2) {
      counts[(int) (100 * inputs[i])]++;
    }
    assertThat(NormalDistribution.chiSquare(counts)).isCloseTo(0, within(4.5));
  }

  @Test
  void onlyTheLastStepHasTargetsAndWeights() {
    SequenceBatch batch = batch();
    int last = (T - 1) * B;
    assertThat(Arrays.copyOf(batch.targets(), last)).containsOnly(0f);
    assertThat(Arrays.copyOf(batch.weights(), last)).containsOnly(0f);
    assertThat(Arrays.copyOfRange(batch.weights(), last, T * B)).containsOnly(1f);
  }

  /** Two independent U(0,1): mean 0 and variance 1/6 within 4.5 standard errors (kurtosis 2.4). */
  @Test
  void targetIsCentredWithVarianceOneSixth() {
    float[] targets = batch().targets();
    double sum = 0;
    double squares = 0;
    for (int i = (T - 1) * B; i < T * B; i++) {
      sum += targets[i];
      squares += targets[i] * targets[i];
    }
    assertThat(sum / B).isCloseTo(0, within(4.5 * Math.sqrt(1 / 6.0 / B)));
    assertThat(squares / B).isCloseTo(1 / 6.0, within(4.5 * Math.sqrt(1.4 / 36 / B)));
  }

  @Test
  void sizesOutOfRangeAreRefusedByName() {
    refuses("steps: expected at least 2, found 1", 1, 1);
    refuses("batchSize: expected at least 1, found 0", 2, 0);
    refuses(
        "inputs [T=65536, B=16384, size=2]: expected at most 2147483639 elements, found 2147483648",
        1 << 16,
        1 << 14);
  }

  private static void refuses(String message, int steps, int batchSize) {
    assertThatThrownBy(() -> new AddingTask(steps, batchSize))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(message);
  }

  private static SequenceBatch batch() {
    SequenceTask task = new AddingTask(T, B);
    SequenceBatch batch = task.newBatch();
    task.generate(new BatchKey(5, Purpose.TRAINING, 0, 0, 0), batch);
    return batch;
  }
}
