package dev.recall.model.dl4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.recall.datagen.SequenceBatch;
import dev.recall.model.EngineCase;
import dev.recall.model.GradientEngine;
import dev.recall.model.GradientEngineContract;
import dev.recall.model.GradientSum;
import dev.recall.model.Numbers;
import dev.recall.model.Predictor;
import dev.recall.model.RegressorSpec;
import dev.recall.model.recurrent.Engines;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Deeplearning4j under the contract, and as the oracle of the engine that trains. A gradient takes
 * it 5 to 30 ms whatever the size, so the tests of many calls have fewer shapes here.
 */
@NeedsDl4j
class Dl4jEngineTest implements GradientEngineContract {

  @Override
  public GradientEngine engine(RegressorSpec spec) {
    return new Dl4jEngine(spec);
  }

  @Override
  public Predictor predictor(RegressorSpec spec) {
    return new Dl4jEngine(spec);
  }

  /**
   * Relative to the largest entry of each block: single entries are sums that may cancel, where
   * both engines keep no digit. Both engines compute in float; no weights of 0 and 1 here, so that
   * every weight of a step shows.
   */
  @ParameterizedTest
  @MethodSource("cases")
  void givesTheGradientOfTheEngineThatTrainsWithin1e5(EngineCase shape) {
    RegressorSpec spec = shape.spec();
    float[] parameters = shape.parameters(0.5);
    SequenceBatch batch = shape.batch(21);
    GradientSum theirs = new GradientSum(parameters.length);
    GradientSum ours = new GradientSum(parameters.length);
    new Dl4jEngine(spec).lossAndGradient(parameters, batch, theirs);
    Engines.create(spec).lossAndGradient(parameters, batch, ours);
    double[] expected = Numbers.doubles(theirs.vector());
    Numbers.assertBlocksClose(
        spec.layout(), Numbers.doubles(ours.vector()), expected, expected, 1e-5);
    assertThat(ours.loss()).isCloseTo(theirs.loss(), within(1e-6 * theirs.loss()));
    assertThat(ours.weight()).isCloseTo(theirs.weight(), within(1e-6 * theirs.weight()));
  }

  static Stream<EngineCase> few() {
    return Stream.of(true, false)
        .flatMap(
            peepholes ->
                Stream.of(
                    new EngineCase(1, 1, 1, List.of(1), 1, peepholes),
                    new EngineCase(5, 9, 2, List.of(4, 1), 3, peepholes)));
  }

  @Override
  @ParameterizedTest
  @MethodSource("few")
  public void sameInputGivesTheSameBitsWhateverCameBefore(EngineCase shape) {
    GradientEngineContract.super.sameInputGivesTheSameBitsWhateverCameBefore(shape);
  }

  @Override
  @Test
  @Tag("long")
  public void anyNanParameterGivesNanLoss() {
    few().forEach(Dl4jEngineTest::assertThatAnyNanParameterGivesNanLoss);
  }

  private static void assertThatAnyNanParameterGivesNanLoss(EngineCase shape) {
    Dl4jEngine engine = new Dl4jEngine(shape.spec());
    SequenceBatch batch = shape.batch(13);
    for (int i = 0; i < shape.spec().layout().size(); i++) {
      float[] parameters = shape.parameters(0.5);
      parameters[i] = Float.NaN;
      GradientSum sum = new GradientSum(parameters.length);
      engine.lossAndGradient(parameters, batch, sum);
      assertThat(sum.loss()).as("%s, parameter %d", shape, i).isNaN();
    }
  }

  @Override
  @Test
  @Tag("long")
  public void nothingOfAnEarlierBatchIsLeft() {
    GradientEngineContract.super.nothingOfAnEarlierBatchIsLeft();
  }

  @Override
  @Test
  @Tag("long")
  public void anyNanInBatchGivesNanLoss() {
    GradientEngineContract.super.anyNanInBatchGivesNanLoss();
  }
}
