package dev.recall.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.recall.datagen.AddingTask;
import dev.recall.datagen.BatchKey;
import dev.recall.datagen.MemoryTask;
import dev.recall.datagen.Purpose;
import dev.recall.datagen.SequenceBatch;
import dev.recall.datagen.SequenceTask;
import dev.recall.datagen.Targets;
import dev.recall.model.recurrent.PlainEngine;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class EvaluationTest {

  private static final MemoryTask SEED = new MemoryTask(20, 3, 1, 32, Targets.ALL);
  private static final int BATCHES = 200; // 19,200 recalled values
  private static final Predictor ZERO =
      (parameters, inputs, steps, batchSize, outputs) -> Arrays.fill(outputs, 0f);

  private static Evaluation evaluate(SequenceTask task, Predictor predictor) {
    return Evaluation.of(predictor, new float[0], task, 5, Purpose.TEST, 0, BATCHES);
  }

  static Stream<SequenceTask> tasks() {
    return Stream.of(
        SEED,
        new MemoryTask(20, 3, 2, 8, Targets.RECALL),
        new MemoryTask(4, 4, 1, 8, Targets.ALL),
        new AddingTask(12, 8));
  }

  /** 4.5 standard errors: the variance of a squared normal is 2. */
  @Test
  void zeroOutputsHaveRecallMseOne() {
    Evaluation evaluation = evaluate(SEED, ZERO);
    assertThat(evaluation.recallMse()).isCloseTo(1, within(4.5 * Math.sqrt(2.0 / 19_200)));
    assertThat(evaluation.loss()).isCloseTo(1, within(4.5 * Math.sqrt(2.0 / 128_000)));
    assertThat(evaluation.floor()).isCloseTo(0.85, within(4.5 * Math.sqrt(2.0 / 128_000)));
    assertThat(evaluation.sequences()).isEqualTo(6400);
  }

  /** The floor is taken on the same sequences, so no noise is left in the difference. */
  @Test
  void zeroOutputsLieAboveTheFloorByTheShareOfTheRecallSteps() {
    Evaluation evaluation = evaluate(SEED, ZERO);
    assertThat(evaluation.lossAboveFloor())
        .isCloseTo(3 / 20.0 * evaluation.recallMse(), within(1e-12));
  }

  @ParameterizedTest
  @MethodSource("tasks")
  void bestPredictionsLieOnTheFloorExactly(SequenceTask task) {
    SequenceBatch batch = task.newBatch();
    task.generate(new BatchKey(5, Purpose.TEST, 0, 0, 0), batch);
    float[] outputs = new float[batch.targets().length];
    task.bestPrediction(batch, outputs);
    Evaluation evaluation = Evaluation.of(task, batch, outputs);
    assertThat(evaluation.lossAboveFloor()).isZero();
    assertThat(evaluation.recallMse()).isZero();
    assertThat(evaluation.sequences()).isEqualTo(task.batchSize());
  }

  /** 4.5 standard errors: the seed's task has 108,800 noise values, the others have none. */
  @ParameterizedTest
  @MethodSource("tasks")
  void meanFloorIsTheBayesLoss(SequenceTask task) {
    assertThat(evaluate(task, ZERO).floor())
        .isCloseTo(task.bayesLoss(), within(4.5 * Math.sqrt(2.0 / 108_800)));
  }

  @Test
  void stepsWithoutWeightCountInNeitherLossNorFloor() {
    MemoryTask recall = new MemoryTask(20, 3, 1, 32, Targets.RECALL);
    Evaluation evaluation = evaluate(recall, ZERO);
    assertThat(evaluation.floor()).isZero();
    assertThat(evaluation.loss()).isCloseTo(evaluation.recallMse(), within(1e-12));
  }

  @Test
  void recallMseLooksAtTheLastStepsAlone() {
    SequenceBatch batch = new SequenceBatch(4, 2, 1, 1);
    Arrays.fill(batch.weights(), 1f);
    float[] outputs = {9, 9, 9, 9, 1, 2, 3, 4}; // [4, 2, 1]
    Evaluation evaluation = Evaluation.of(new MemoryTask(4, 2, 1, 2, Targets.ALL), batch, outputs);
    assertThat(evaluation.recallMse()).isEqualTo((1 + 4 + 9 + 16) / 4.0);
    assertThat(evaluation.loss()).isEqualTo((4 * 81 + 30) / 8.0);
  }

  @Test
  void batchMayHaveOtherStepsAndSequencesThanTheTask() {
    SequenceTask longer = new MemoryTask(50, 3, 1, 7, Targets.ALL);
    SequenceBatch batch = longer.newBatch();
    longer.generate(new BatchKey(5, Purpose.TEST, 0, 0, 0), batch);
    float[] outputs = new float[batch.targets().length];
    assertThat(Evaluation.of(SEED, batch, outputs))
        .isEqualTo(Evaluation.of(longer, batch, outputs));
  }

  @Test
  void evaluationIsAPureFunction() {
    RegressorSpec spec = RegressorSpec.parse("[1, (lstm, 10), 1]", true);
    float[] parameters = new TheanetsInitializer().initialize(spec, 1);
    PlainEngine used = new PlainEngine(spec);
    Evaluation first = evaluation(new PlainEngine(spec), parameters, 0);
    assertThat(evaluation(used, parameters, 1)).isNotEqualTo(first);
    assertThat(evaluation(used, parameters, 0)).isEqualTo(first);
    assertThat(parameters).isEqualTo(new TheanetsInitializer().initialize(spec, 1));
  }

  @Test
  void purposesAndRoundsAreOtherSequences() {
    List<Double> losses =
        Stream.of(
                Evaluation.of(ZERO, new float[0], SEED, 5, Purpose.TEST, 0, 2),
                Evaluation.of(ZERO, new float[0], SEED, 5, Purpose.VALIDATION, 0, 2),
                Evaluation.of(ZERO, new float[0], SEED, 5, Purpose.TEST, 1, 2),
                Evaluation.of(ZERO, new float[0], SEED, 6, Purpose.TEST, 0, 2))
            .map(Evaluation::loss)
            .toList();
    assertThat(losses).doesNotHaveDuplicates();
  }

  @Test
  void nanOutputsGiveNanFigures() {
    Evaluation evaluation =
        evaluate(SEED, (parameters, in, steps, size, outputs) -> Arrays.fill(outputs, Float.NaN));
    assertThat(evaluation.loss()).isNaN();
    assertThat(evaluation.recallMse()).isNaN();
    assertThat(evaluation.lossAboveFloor()).isNaN();
  }

  private static Evaluation evaluation(PlainEngine engine, float[] parameters, int round) {
    return Evaluation.of(engine, parameters, SEED, 5, Purpose.TEST, round, 4);
  }
}
