package dev.recall.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.recall.datagen.SequenceBatch;
import dev.recall.model.optim.ClipByNorm;
import dev.recall.model.optim.LearningRate;
import dev.recall.model.optim.Momentum;
import dev.recall.model.optim.Optimizer;
import dev.recall.model.optim.ScaleByLearningRate;
import dev.recall.model.optim.ScaleByRms;
import dev.recall.model.recurrent.PlainEngine;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The seed's net, loss and optimizer against theanets and downhill in float64. */
class TheanetsReferenceTest {

  private static PlainEngine engine(RegressorSpec spec) {
    return new PlainEngine(spec);
  }

  /** Read once. */
  private static final Named<ReferenceFile> PAGE = file("theanets_page.json");

  private static final Named<ReferenceFile> WEIGHTED = file("theanets_weighted_momentum_clip.json");

  static Stream<Arguments> runs() {
    Optimizer page =
        new Optimizer(
            List.of(
                ScaleByRms.theanets(14, 1e-8),
                new ScaleByLearningRate(LearningRate.constant(1e-4))));
    Optimizer momentum =
        new Optimizer(
            List.of(
                new ClipByNorm(1, true),
                ScaleByRms.theanets(14, 1e-8),
                new ScaleByLearningRate(LearningRate.constant(1e-3)),
                new Momentum(0.9, false)));
    return Stream.of(Arguments.of(PAGE, page), Arguments.of(WEIGHTED, momentum));
  }

  private static Named<ReferenceFile> file(String name) {
    return Named.of(name, ReferenceFile.read(name));
  }

  /** Outputs are of size 1 and sums of ten products of floats, each off by at most 6e-8. */
  @ParameterizedTest
  @MethodSource("runs")
  void outputsAgree(ReferenceFile file, Optimizer optimizer) {
    SequenceBatch batch = file.batch(0);
    float[] outputs = new float[batch.targets().length];
    float[] parameters = Numbers.floats(file.vector("params0"));
    engine(file.spec())
        .predict(parameters, batch.inputs(), batch.steps(), batch.batchSize(), outputs);
    Numbers.assertClose(Numbers.doubles(outputs), file.outputs(), 1e-6);
  }

  /** Sums over 640 float terms, and rounded parameters: see {@link GradientEngineContract}. */
  @ParameterizedTest
  @MethodSource("runs")
  void lossAndEveryGradientBlockAgree(ReferenceFile file, Optimizer optimizer) {
    GradientSum sum = new GradientSum(file.spec().layout().size());
    engine(file.spec()).lossAndGradient(Numbers.floats(file.vector("params0")), file.batch(0), sum);
    double[] expected = file.vector("grads0");
    assertThat(sum.meanLoss()).isCloseTo(file.json().path("loss0").doubleValue(), within(1e-6));
    Numbers.assertBlocksClose(
        file.spec().layout(), Numbers.doubles(Numbers.mean(sum)), expected, expected, 3e-6);
  }

  @ParameterizedTest
  @MethodSource("runs")
  void lossesOfTenBatchesAgree(ReferenceFile file, Optimizer optimizer) {
    ReferenceRun run = ReferenceRun.of(file, engine(file.spec()), optimizer);
    double[] losses = ReferenceFile.losses(file.json());
    assertThat(run.losses()).hasSize(10);
    Numbers.assertClose(run.losses(), losses, 1e-6);
  }

  /**
   * The first parameters are rounded to 6e-8 of their size, and every update rounds once more. A
   * small entry of a gradient is as far off as a large one, and RMSProp divides it by its size. A
   * wrong update of the first step alone would be off by 5e-4 (page) and 5e-3.
   */
  @ParameterizedTest
  @MethodSource("runs")
  void parametersAfterUpdatesAgree(ReferenceFile file, Optimizer optimizer) {
    ReferenceRun run = ReferenceRun.of(file, engine(file.spec()), optimizer);
    for (int updates : new int[] {1, 2, 10}) {
      double[] expected = file.vector("params" + updates);
      double[] actual = Numbers.doubles(run.parameters()[updates]);
      Numbers.assertBlocksClose(file.spec().layout(), actual, expected, expected, 4e-6);
    }
  }
}
