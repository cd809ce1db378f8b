package dev.recall.model.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.recall.model.optim.LearningRate.Constant;
import dev.recall.model.optim.LearningRate.Cosine;
import dev.recall.model.optim.LearningRate.Decay;
import dev.recall.model.optim.LearningRate.Step;
import org.junit.jupiter.api.Test;

class LearningRateTest {

  @Test
  void constantRateNeverChanges() {
    LearningRate rate = LearningRate.constant(0.3);
    assertThat(rate.at(0)).isEqualTo(0.3);
    assertThat(rate.at(1e9)).isEqualTo(0.3);
    assertThat(rate).isEqualTo(new LearningRate(0.3, 0, new Constant()));
  }

  @Test
  void warmUpRisesLinearlyAndItsFirstStepMoves() {
    LearningRate rate = new LearningRate(1, 4, new Constant());
    assertThat(rate.at(0)).isEqualTo(0.25);
    assertThat(rate.at(0.5)).isEqualTo(0.375);
    assertThat(rate.at(1)).isEqualTo(0.5);
    assertThat(rate.at(3)).isEqualTo(1);
    assertThat(rate.at(100)).isEqualTo(1);
  }

  @Test
  void cosineFallsFromOneToItsFinalFactorAndStaysThere() {
    Cosine cosine = new Cosine(200, 0.1);
    assertThat(cosine.factor(0)).isEqualTo(1);
    assertThat(cosine.factor(50)).isCloseTo(0.1 + 0.45 * (1 + Math.sqrt(0.5)), within(1e-15));
    assertThat(cosine.factor(100)).isCloseTo(0.55, within(1e-15));
    assertThat(cosine.factor(200)).isEqualTo(0.1);
    assertThat(cosine.factor(1000)).isEqualTo(0.1);
  }

  @Test
  void stepDropsAtEveryMultiple() {
    Step step = new Step(10, 0.5);
    assertThat(step.factor(0)).isEqualTo(1);
    assertThat(step.factor(9.99)).isEqualTo(1);
    assertThat(step.factor(10)).isEqualTo(0.5);
    assertThat(step.factor(35)).isEqualTo(0.125);
  }

  @Test
  void warmUpAndDecayMultiply() {
    LearningRate rate = new LearningRate(2, 40, new Step(10, 0.5));
    assertThat(rate.at(19)).isEqualTo(2 * 0.5 * 0.5);
  }

  @Test
  void badNumberIsRefusedByName() {
    refuses(() -> LearningRate.constant(-1), "learning rate: expected at least 0, found -1.0");
    refuses(
        () -> LearningRate.constant(Double.NaN), "learning rate: expected at least 0, found NaN");
    refuses(
        () -> LearningRate.constant(Double.POSITIVE_INFINITY),
        "learning rate: expected at least 0, found Infinity");
    Decay none = new Constant();
    refuses(() -> new LearningRate(1, -1, none), "warm-up: expected at least 0, found -1.0");
    refuses(() -> new Cosine(0, 0), "cosine rounds: expected above 0, found 0.0");
    refuses(
        () -> new Cosine(1, 1.5), "cosine final factor: expected a number in [0, 1], found 1.5");
    refuses(() -> new Step(0, 0.5), "step rounds: expected above 0, found 0.0");
    refuses(() -> new Step(1, 0), "step factor: expected a number in (0, 1], found 0.0");
    refuses(() -> new Step(1, 2), "step factor: expected a number in (0, 1], found 2.0");
  }

  private static void refuses(Runnable call, String message) {
    assertThatThrownBy(call::run).isInstanceOf(IllegalArgumentException.class).hasMessage(message);
  }
}
