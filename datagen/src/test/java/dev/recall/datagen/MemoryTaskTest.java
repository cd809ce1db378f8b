package dev.recall.datagen;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class MemoryTaskTest implements SequenceTaskContract {
  private static final BatchKey KEY = new BatchKey(3, Purpose.TRAINING, 1, 2, 3);

  @Override
  public List<SequenceTask> tasks() {
    List<SequenceTask> tasks = new ArrayList<>();
    for (Targets targets : Targets.values()) {
      tasks.add(new MemoryTask(20, 3, 1, 32, targets)); // the seed
      tasks.add(new MemoryTask(1, 1, 1, 1, targets));
      tasks.add(new MemoryTask(5, 5, 2, 3, targets)); // no noise
      tasks.add(new MemoryTask(7, 6, 3, 5, targets)); // K > T / 2
      tasks.add(new MemoryTask(13, 1, 4, 1, targets));
    }
    return tasks;
  }

  @Override
  public SequenceTask resized(SequenceTask task, int steps, int batchSize) {
    MemoryTask memory = (MemoryTask) task;
    return new MemoryTask(steps, memory.remember(), memory.features(), batchSize, memory.targets());
  }

  @Test
  void bestPredictionIsZeroBeforeTheRecallSteps() {
    MemoryTask task = new MemoryTask(7, 3, 2, 5, Targets.ALL);
    float[] predictions = new float[70];
    task.bestPrediction(generated(task), predictions);
    assertThat(Arrays.copyOf(predictions, 40)).containsOnly(0f);
  }

  @Test
  void firstInputsAreTheLastTargetsStepByStep() {
    SequenceBatch batch = generated(new MemoryTask(7, 3, 2, 5, Targets.ALL));
    for (int step = 0; step < 3; step++) {
      for (int b = 0; b < 5; b++) {
        for (int i = 0; i < 2; i++) {
          assertThat(batch.targets()[((4 + step) * 5 + b) * 2 + i])
              .isEqualTo(batch.inputs()[(step * 5 + b) * 2 + i]);
        }
      }
    }
  }

  @Test
  void targetsSettingChangesTheWeightsOnly() {
    SequenceBatch all = generated(new MemoryTask(20, 3, 2, 4, Targets.ALL));
    SequenceBatch recall = generated(new MemoryTask(20, 3, 2, 4, Targets.RECALL));
    assertThat(recall.inputs()).isEqualTo(all.inputs());
    assertThat(recall.targets()).isEqualTo(all.targets());
    assertThat(all.weights()).containsOnly(1f);
    assertThat(Arrays.copyOf(recall.weights(), 17 * 8)).containsOnly(0f);
    assertThat(Arrays.copyOfRange(recall.weights(), 17 * 8, 20 * 8)).containsOnly(1f);
  }

  /** 4.5 standard errors; the noise also differs from the inputs of its own step. */
  @Test
  void noiseIsNormalAndIndependentOfTheInputs() {
    SequenceBatch batch = generated(new MemoryTask(20, 3, 1, 20_000, Targets.ALL));
    int n = 17 * 20_000;
    float[] noise = Arrays.copyOf(batch.targets(), n);
    float[] inputs = Arrays.copyOf(batch.inputs(), n);
    assertThat(NormalDistribution.correlation(noise, inputs, 0)).isCloseTo(0, within(4.5));
    Arrays.sort(noise);
    Arrays.sort(inputs);
    assertThat(NormalDistribution.kolmogorovSmirnov(noise)).isLessThan(2.2253); // level 1e-4
    assertThat(NormalDistribution.kolmogorovSmirnov(inputs)).isLessThan(2.2253);
  }

  @Test
  void bayesLossIsTheShareOfTheNoise() {
    assertThat(new MemoryTask(20, 3, 1, 32, Targets.ALL).bayesLoss()).isEqualTo(0.85);
    assertThat(new MemoryTask(20, 3, 1, 32, Targets.RECALL).bayesLoss()).isZero();
    assertThat(new MemoryTask(4, 4, 1, 32, Targets.ALL).bayesLoss()).isZero();
  }

  @Test
  void sizesOutOfRangeAreRefusedByName() {
    refuses("steps: expected at least 1, found 0", 0, 1, 1, 1);
    refuses("remember: expected in [1, 20], found 0", 20, 0, 1, 1);
    refuses("remember: expected in [1, 20], found 21", 20, 21, 1, 1);
    refuses("features: expected at least 1, found 0", 20, 3, 0, 1);
    refuses("batchSize: expected at least 1, found -1", 20, 3, 1, -1);
    refuses(
        "inputs [T=2000000000, B=2000000000, size=2]: expected at most 2147483639 elements,"
            + " found 8000000000000000000",
        2_000_000_000,
        3,
        2,
        2_000_000_000);
    assertThatThrownBy(() -> new MemoryTask(20, 3, 1, 32, null))
        .isInstanceOf(NullPointerException.class)
        .hasMessage("targets");
  }

  private static void refuses(
      String message, int steps, int remember, int features, int batchSize) {
    assertThatThrownBy(() -> new MemoryTask(steps, remember, features, batchSize, Targets.ALL))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(message);
  }

  private static SequenceBatch generated(SequenceTask task) {
    SequenceBatch batch = task.newBatch();
    task.generate(KEY, batch);
    return batch;
  }
}
