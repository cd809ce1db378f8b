package dev.recall.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.JsonNode;
import dev.recall.datagen.SequenceBatch;
import dev.recall.model.optim.ClipByNorm;
import dev.recall.model.optim.GradientTransform;
import dev.recall.model.optim.LearningRate;
import dev.recall.model.optim.Momentum;
import dev.recall.model.optim.Optimizer;
import dev.recall.model.optim.ScaleByLearningRate;
import dev.recall.model.optim.ScaleByRms;
import dev.recall.model.recurrent.PlainEngine;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** LSTM without peepholes, stacked layers and optimizers against PyTorch in float64. */
class TorchReferenceTest {

  private static PlainEngine engine(RegressorSpec spec) {
    return new PlainEngine(spec);
  }

  static Stream<Named<ReferenceFile>> files() {
    return Stream.of("torch_lstm10.json", "torch_two_layers_weighted.json")
        .map(name -> Named.of(name, ReferenceFile.read(name)));
  }

  /** All but Adam, which Recall does not have. */
  static Stream<Arguments> runs() {
    List<Arguments> runs = new ArrayList<>();
    files()
        .forEach(
            file -> {
              for (JsonNode run : file.getPayload().json().path("optimizers")) {
                String name = run.path("name").asText();
                if (!name.equals("adam")) {
                  String momentum = run.has("momentum") ? " with momentum" : "";
                  runs.add(Arguments.of(file, Named.of(name + momentum, run)));
                }
              }
            });
    return runs.stream();
  }

  private static Optimizer optimizer(JsonNode run) {
    List<GradientTransform> stages = new ArrayList<>();
    String name = run.path("name").asText();
    if (run.has("clip")) {
      stages.add(new ClipByNorm(run.path("clip").doubleValue(), false));
    }
    if (name.startsWith("rmsprop")) {
      double decay = run.path("decay").doubleValue();
      double epsilon = run.path("epsilon").doubleValue();
      stages.add(new ScaleByRms(decay, epsilon, name.contains("centred"), false));
    }
    double rate = run.path("learning_rate").doubleValue();
    stages.add(new ScaleByLearningRate(LearningRate.constant(rate)));
    if (run.has("momentum")) {
      stages.add(new Momentum(run.path("momentum").doubleValue(), false));
    }
    return new Optimizer(stages);
  }

  @Test
  void fiveOptimizersPerFileAreCompared() {
    assertThat(runs()).hasSize(10);
  }

  /** As for theanets; here the inputs are rounded to float as well. */
  @ParameterizedTest
  @MethodSource("files")
  void outputsLossAndEveryGradientBlockAgree(ReferenceFile file) {
    SequenceBatch batch = file.batch(0);
    float[] parameters = Numbers.floats(file.vector("params0"));
    float[] outputs = new float[batch.targets().length];
    engine(file.spec())
        .predict(parameters, batch.inputs(), batch.steps(), batch.batchSize(), outputs);
    Numbers.assertClose(Numbers.doubles(outputs), file.outputs(), 1e-6);

    GradientSum sum = new GradientSum(parameters.length);
    engine(file.spec()).lossAndGradient(parameters, batch, sum);
    double[] expected = file.vector("grads0");
    assertThat(sum.meanLoss()).isCloseTo(file.json().path("loss0").doubleValue(), within(1e-6));
    Numbers.assertBlocksClose(
        file.spec().layout(), Numbers.doubles(Numbers.mean(sum)), expected, expected, 3e-6);
  }

  /**
   * RMSProp divides a small gradient by its own size, so the gradient's error relative to that
   * entry (not to the block's largest) reaches the update: some 1e-4 of a rate of 0.01.
   */
  @ParameterizedTest
  @MethodSource("runs")
  void threeStepsAgree(ReferenceFile file, JsonNode run) {
    ReferenceRun steps = ReferenceRun.of(file, engine(file.spec()), optimizer(run));
    double[] expected = file.vector(run.path("params"));
    assertThat(steps.losses()).hasSize(3);
    Numbers.assertClose(steps.losses(), ReferenceFile.losses(run), 1e-6);
    Numbers.assertBlocksClose(
        file.spec().layout(), Numbers.doubles(steps.parameters()[3]), expected, expected, 1e-5);
  }
}
