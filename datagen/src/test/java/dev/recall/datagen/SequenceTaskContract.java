package dev.recall.datagen;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What every {@link SequenceTask} promises. A test of a task implements it. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
interface SequenceTaskContract {

  /** The task in several shapes. */
  List<SequenceTask> tasks();

  /** The same task for sequences of another length and another batch size. */
  SequenceTask resized(SequenceTask task, int steps, int batchSize);

  @ParameterizedTest
  @MethodSource("tasks")
  default void newBatchHasTheShapeOfTheTask(SequenceTask task) {
    SequenceBatch batch = task.newBatch();
    int rows = task.steps() * task.batchSize();
    assertThat(batch.inputs()).hasSize(rows * task.inputSize());
    assertThat(batch.targets()).hasSize(rows * task.targetSize());
    assertThat(batch.weights()).hasSize(rows * task.targetSize());
    assertThat(task.recallSteps()).isBetween(1, task.steps());
  }

  @ParameterizedTest
  @MethodSource("tasks")
  default void everyElementIsOverwritten(SequenceTask task) {
    SequenceBatch batch = task.newBatch();
    Arrays.fill(batch.inputs(), Float.NaN);
    Arrays.fill(batch.targets(), Float.NaN);
    Arrays.fill(batch.weights(), Float.NaN);
    task.generate(key(0), batch);
    assertEqual(batch, generated(task, 0));
    assertThat(batch.inputs()).doesNotContain(Float.NaN);
    assertThat(batch.targets()).doesNotContain(Float.NaN);
    assertThat(batch.weights()).doesNotContain(Float.NaN);
  }

  @ParameterizedTest
  @MethodSource("tasks")
  default void batchIsAPureFunctionOfTheKey(SequenceTask task) {
    SequenceBatch batch = generated(task, 1);
    task.generate(key(2), batch);
    assertEqual(batch, generated(task, 2));
    assertThat(batch.inputs()).isNotEqualTo(generated(task, 1).inputs());
    assertThat(batch.targets()).isNotEqualTo(generated(task, 1).targets());
  }

  @ParameterizedTest
  @MethodSource("tasks")
  default void serializedTaskIsEqualAndGeneratesTheSameBits(SequenceTask task) throws Exception {
    SequenceTask copy = serialized(task);
    assertThat(copy).isEqualTo(task);
    assertEqual(generated(copy, 3), generated(task, 3));
  }

  @ParameterizedTest
  @MethodSource("tasks")
  default void batchOfAnotherShapeIsRefusedAndNotTouched(SequenceTask task) {
    int t = task.steps();
    int b = task.batchSize();
    int in = task.inputSize();
    int out = task.targetSize();
    for (SequenceBatch other :
        List.of(
            new SequenceBatch(t + 1, b, in, out),
            new SequenceBatch(t, b + 1, in, out),
            new SequenceBatch(t, b, in + 1, out),
            new SequenceBatch(t, b, in, out + 1))) {
      assertThatThrownBy(() -> task.generate(key(0), other))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage(
              "batch: expected [T=%d, B=%d, inputSize=%d, targetSize=%d],".formatted(t, b, in, out)
                  + " found [T=%d, B=%d, inputSize=%d, targetSize=%d]"
                      .formatted(
                          other.steps(), other.batchSize(), other.inputSize(), other.targetSize()));
      assertThat(other.inputs()).containsOnly(0f);
      assertThat(other.weights()).containsOnly(0f);
    }
  }

  @ParameterizedTest
  @MethodSource("tasks")
  default void bestPredictionIsExactInTheRecallSteps(SequenceTask task) {
    SequenceBatch batch = generated(task, 4);
    float[] outputs = bestPrediction(task, batch);
    int from = (task.steps() - task.recallSteps()) * task.batchSize() * task.targetSize();
    assertThat(Arrays.copyOfRange(outputs, from, outputs.length))
        .isEqualTo(Arrays.copyOfRange(batch.targets(), from, outputs.length));
  }

  /** Within 4.5 standard errors of the mean over the batches, and 0 exactly if the floor is 0. */
  @ParameterizedTest
  @MethodSource("tasks")
  default void bestPredictionAttainsBayesLoss(SequenceTask task) {
    int batches = batches(task);
    double sum = 0;
    double squares = 0;
    for (int i = 0; i < batches; i++) {
      SequenceBatch batch = generated(task, i);
      double loss = loss(batch, bestPrediction(task, batch));
      sum += loss;
      squares += loss * loss;
    }
    double mean = sum / batches;
    double error = Math.sqrt(Math.max(0, squares / batches - mean * mean) / batches);
    assertThat(mean).isCloseTo(task.bayesLoss(), within(4.5 * error));
  }

  @ParameterizedTest
  @MethodSource("tasks")
  default void bestPredictionReadsNoTargetAndNoLaterInput(SequenceTask task) {
    SequenceBatch batch = generated(task, 5);
    float[] outputs = bestPrediction(task, batch);
    int outputRow = outputs.length / task.steps();
    int inputRow = batch.inputs().length / task.steps();
    Arrays.fill(batch.targets(), Float.NaN);
    for (int step = task.steps() - 1; step >= 0; step--) {
      int seen = (step + 1) * inputRow;
      Arrays.fill(batch.inputs(), seen, batch.inputs().length, Float.NaN);
      assertThat(Arrays.copyOf(bestPrediction(task, batch), (step + 1) * outputRow))
          .isEqualTo(Arrays.copyOf(outputs, (step + 1) * outputRow));
    }
  }

  @ParameterizedTest
  @MethodSource("tasks")
  default void bestPredictionTakesBatchesOfOtherStepsAndSequences(SequenceTask task) {
    for (SequenceTask other :
        List.of(
            resized(task, task.steps() + 3, task.batchSize() + 2),
            resized(task, task.steps() + 1, 1))) {
      SequenceBatch batch = generated(other, 6);
      assertThat(bestPrediction(task, batch)).isEqualTo(bestPrediction(other, batch));
    }
  }

  @ParameterizedTest
  @MethodSource("tasks")
  default void bestConstantIsAboveBayesLoss(SequenceTask task) {
    double weight = 0;
    double first = 0;
    double second = 0;
    for (int i = 0; i < batches(task); i++) {
      SequenceBatch batch = generated(task, i);
      for (int j = 0; j < batch.targets().length; j++) {
        double target = batch.targets()[j];
        weight += batch.weights()[j];
        first += batch.weights()[j] * target;
        second += batch.weights()[j] * target * target;
      }
    }
    double mean = first / weight;
    assertThat(second / weight - mean * mean).isGreaterThan(task.bayesLoss() + 0.03);
  }

  /** Written over NaN, so that a prediction left out shows. */
  private static float[] bestPrediction(SequenceTask task, SequenceBatch batch) {
    float[] predictions = new float[batch.targets().length];
    Arrays.fill(predictions, Float.NaN);
    task.bestPrediction(batch, predictions);
    return predictions;
  }

  /** Enough batches for 100,000 targets. */
  private static int batches(SequenceTask task) {
    return Math.max(20, 100_000 / (task.steps() * task.batchSize() * task.targetSize()));
  }

  private static double loss(SequenceBatch batch, float[] outputs) {
    double sum = 0;
    double weight = 0;
    for (int i = 0; i < outputs.length; i++) {
      double difference = outputs[i] - batch.targets()[i];
      sum += batch.weights()[i] * difference * difference;
      weight += batch.weights()[i];
    }
    return sum / weight;
  }

  private static SequenceBatch generated(SequenceTask task, int step) {
    SequenceBatch batch = task.newBatch();
    task.generate(key(step), batch);
    return batch;
  }

  private static BatchKey key(int step) {
    return new BatchKey(17, Purpose.VALIDATION, 0, 0, step);
  }

  private static void assertEqual(SequenceBatch actual, SequenceBatch expected) {
    assertThat(actual.inputs()).isEqualTo(expected.inputs());
    assertThat(actual.targets()).isEqualTo(expected.targets());
    assertThat(actual.weights()).isEqualTo(expected.weights());
  }

  private static SequenceTask serialized(SequenceTask task)
      throws IOException, ClassNotFoundException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
      out.writeObject(task);
    }
    try (ObjectInputStream in =
        new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
      return (SequenceTask) in.readObject();
    }
  }
}
