package dev.recall.model.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.recall.model.ParameterLayout;
import dev.recall.model.ParameterLayout.Shape;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class OptimizerTest {

  private static final ParameterLayout ONE = layout(1);

  private static Optimizer chain(GradientTransform... stages) {
    return new Optimizer(List.of(stages));
  }

  private static ScaleByLearningRate rate(double rate) {
    return new ScaleByLearningRate(LearningRate.constant(rate));
  }

  private static ParameterLayout layout(int... lengths) {
    return ParameterLayout.of(
        java.util.stream.IntStream.range(0, lengths.length)
            .mapToObj(i -> new Shape("block" + i, List.of(lengths[i])))
            .toList());
  }

  private static Arguments row(Optimizer optimizer, double[] gradients, double... updates) {
    String name = optimizer.stages().toString();
    return Arguments.of(Named.of(name, optimizer), gradients, updates);
  }

  /** Gradients of three steps and the updates that the formulas give for them, one by one. */
  static Stream<Arguments> steps() {
    double[] g = {1, 1, -2};
    double[] twos = {2, 2, -2};
    return Stream.of(
        row(chain(rate(0.1)), g, 0.1, 0.1, -0.2),
        // v = v / 2 + u
        row(chain(rate(0.1), new Momentum(0.5, false)), g, 0.1, 0.15, 0.075 - 0.2),
        // v = v / 4 + 1.5 u
        row(chain(rate(0.1), new Momentum(0.5, true)), g, 0.15, 0.1875, 0.046875 - 0.3),
        row(chain(new Momentum(0, false)), g, 1, 1, -2),
        // torch.optim.SGD(lr=0.1, momentum=0.5, nesterov=True) of PyTorch 1.13.1, float64
        row(chain(rate(0.1), new NesterovMomentum(0.5)), g, 0.15, 0.175, -0.2625),
        // the same with DiLoCo's outer rate and momentum, 0.7 and 0.9
        row(
            chain(rate(0.7), new NesterovMomentum(0.9)),
            new double[] {0.5, -0.25, 1, 0.125},
            0.665,
            -0.049,
            1.4434,
            0.83531),
        row(chain(new NesterovMomentum(0)), g, 1, 1, -2),
        // m2 = 3/4 m2 + 1/4 4: 1, 1.75, 2.3125
        row(
            chain(new ScaleByRms(0.75, 0.5, false, false)),
            twos,
            2 / 1.5,
            2 / (Math.sqrt(1.75) + 0.5),
            -2 / (Math.sqrt(2.3125) + 0.5)),
        row(
            chain(new ScaleByRms(0.75, 0.5, false, true)),
            twos,
            2 / Math.sqrt(1.5),
            2 / Math.sqrt(2.25),
            -2 / Math.sqrt(2.8125)),
        // m1 = 3/4 m1 + 1/4 g: 0.5, 0.875, 0.15625
        row(
            chain(new ScaleByRms(0.75, 0.25, true, true)),
            twos,
            2 / Math.sqrt(1 - 0.25 + 0.25),
            2 / Math.sqrt(1.75 - 0.765625 + 0.25),
            -2 / Math.sqrt(2.3125 - 0.0244140625 + 0.25)),
        row(
            chain(new ScaleByRms(0.75, 0.25, true, false)),
            twos,
            2 / (Math.sqrt(1 - 0.25) + 0.25),
            2 / (Math.sqrt(1.75 - 0.765625) + 0.25),
            -2 / (Math.sqrt(2.3125 - 0.0244140625) + 0.25)),
        // without a past the mean square is the square itself
        row(chain(new ScaleByRms(0, 1e-8, false, true)), twos, 1, 1, -1),
        // the first step of the seed's trainer: g / sqrt(gamma (1 - gamma) g^2 + 1e-8)
        row(
            chain(ScaleByRms.theanets(14, 1e-8), rate(1e-4)),
            new double[] {0.3},
            1e-4 * 0.3 / Math.sqrt(0.951695 * 0.048305 * 0.09 + 1e-8)),
        row(chain(new ClipByElement(1.5)), g, 1, 1, -1.5),
        row(chain(new ClipByNorm(1.5, true)), g, 1, 1, -1.5),
        row(chain(new ClipByNorm(1.5, false)), g, 1, 1, -1.5),
        // theanets' order: clip, scale, rate, momentum
        row(
            chain(
                new ClipByElement(1),
                new ScaleByRms(0.75, 0.5, false, true),
                rate(0.1),
                new Momentum(0.5, false)),
            twos,
            0.1 / Math.sqrt(0.75),
            0.1 / Math.sqrt(0.9375) + 0.05 / Math.sqrt(0.75),
            -0.1 / Math.sqrt(1.078125) + 0.05 / Math.sqrt(0.9375) + 0.025 / Math.sqrt(0.75)),
        // half of four rounds: the rate falls 1, (1 + cos(pi/4)) / 2, 1/2; velocity is not scaled
        row(
            chain(
                new ScaleByLearningRate(new LearningRate(1, 0, new LearningRate.Cosine(4, 0))),
                new Momentum(0.5, false)),
            new double[] {1, 1, 1},
            1,
            0.5 + 0.5 * (1 + Math.sqrt(0.5)),
            0.25 + 0.25 * (1 + Math.sqrt(0.5)) + 0.5));
  }

  /** Some ten float operations of 6e-8 each; the table's gamma has six digits. */
  @ParameterizedTest
  @MethodSource("steps")
  void updatesAreThoseOfTheFormula(Optimizer optimizer, double[] gradients, double[] updates) {
    float[] parameter = new float[1];
    float[][] state = optimizer.initialState(1);
    double expected = 0;
    for (int step = 0; step < gradients.length; step++) {
      float[] gradient = {(float) gradients[step]};
      optimizer.update(parameter, gradient, state, ONE, step);
      expected -= updates[step];
      assertThat((double) gradient[0])
          .as("update of step %d", step)
          .isCloseTo(updates[step], within(1e-6 + 1e-5 * Math.abs(updates[step])));
      assertThat((double) parameter[0]).isCloseTo(expected, within(1e-5));
    }
  }

  @Test
  void normIsClippedPerBlockOrOverall() {
    // (3, 4) has norm 5, (0, 12) norm 12, both together 13
    assertClipped(new ClipByNorm(1, true), 0.6f, 0.8f, 0, 1);
    assertClipped(new ClipByNorm(1, false), 3 / 13f, 4 / 13f, 0, 12 / 13f);
    assertClipped(new ClipByNorm(5, true), 3, 4, 0, 5);
    assertClipped(new ClipByNorm(13, false), 3, 4, 0, 12);
    assertClipped(new ClipByElement(3.5), 3, 3.5f, 0, 3.5f);
  }

  /** One rounding of the scale, one of the product. */
  private static void assertClipped(GradientTransform clip, float... expected) {
    float[] gradient = {3, 4, 0, 12};
    clip.apply(gradient, new float[0][], layout(2, 2), 0);
    assertThat(gradient).containsExactly(expected, within(1e-6f));
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void clippingLetsNanThroughAndDoesNotOverflow(boolean perBlock) {
    float[] nan = {Float.NaN, 5};
    new ClipByNorm(1, perBlock).apply(nan, new float[0][], layout(2), 0);
    assertThat(nan[0]).isNaN();
    float[] element = {Float.NaN, Float.NEGATIVE_INFINITY};
    new ClipByElement(1).apply(element, new float[0][], layout(2), 0);
    assertThat(element).containsExactly(Float.NaN, -1);
    float[] huge = {Float.MAX_VALUE, -Float.MAX_VALUE};
    new ClipByNorm(1, perBlock).apply(huge, new float[0][], layout(2), 0);
    assertThat(huge[0]).isCloseTo((float) Math.sqrt(0.5), within(1e-6f));
    assertThat(huge[1]).isCloseTo((float) -Math.sqrt(0.5), within(1e-6f));
  }

  /**
   * Both means converge to g and g^2, whose difference rounds to either side of 0 in float: by up
   * to 6e-8 g^2, where epsilon is 1e-8.
   */
  @ParameterizedTest
  @ValueSource(floats = {0.1f, 1f, 1.1f, 3.3f, 1000f, 1e15f})
  void constantGradientNeverGivesNan(float constant) {
    for (boolean inside : new boolean[] {true, false}) {
      for (int halfLife = 1; halfLife <= 100; halfLife += 3) {
        double decay = ScaleByRms.decayOfHalfLife(halfLife);
        ScaleByRms scale = new ScaleByRms(decay, 1e-8, true, inside);
        float[][] state = new float[2][1];
        float[] update = {0};
        for (int step = 0; step < 2000 && Float.isFinite(update[0]); step++) {
          update[0] = constant;
          scale.apply(update, state, ONE, step);
        }
        assertThat(update[0]).isFinite().isPositive();
      }
    }
  }

  /** Else the claim above would hold without the clamp as well. */
  @Test
  void varianceOfAConstantGradientDoesRoundBelowZero() {
    int below = 0;
    for (int halfLife = 1; halfLife <= 100; halfLife += 3) {
      ScaleByRms scale = ScaleByRms.theanets(halfLife, 1e-8);
      float[][] state = new float[2][1];
      for (int step = 0; step < 2000; step++) {
        scale.apply(new float[] {1.1f}, state, ONE, step);
        below += state[1][0] - state[0][0] * state[0][0] < -1e-8f ? 1 : 0;
      }
    }
    assertThat(below).isPositive();
  }

  @Test
  void halfLifeOfTheSeedIsItsDecay() {
    assertThat(ScaleByRms.decayOfHalfLife(14)).isCloseTo(0.951695, within(5e-7));
    assertThat(ScaleByRms.theanets(14, 1e-8))
        .isEqualTo(new ScaleByRms(ScaleByRms.decayOfHalfLife(14), 1e-8, true, true));
  }

  private static Arguments progress(double bowl, double valley, GradientTransform... stages) {
    Optimizer optimizer = chain(stages);
    return Arguments.of(Named.of(optimizer.stages().toString(), optimizer), bowl, valley);
  }

  /** Share of the loss that may be left of the bowl after 300 steps, of the valley after 3,000. */
  static Stream<Arguments> chains() {
    ScaleByRms centred = ScaleByRms.theanets(14, 1e-8);
    ScaleByRms plain = new ScaleByRms(0.95, 1e-8, false, false);
    LearningRate cosine = new LearningRate(0.02, 5, new LearningRate.Cosine(300, 0.01));
    return Stream.of(
        progress(0.25, 1e-2, rate(1e-3)),
        progress(0.01, 1e-6, rate(1e-3), new Momentum(0.9, false)),
        progress(0.01, 1e-6, rate(1e-3), new Momentum(0.9, true)),
        progress(0.01, 1e-6, rate(1e-3), new NesterovMomentum(0.9)),
        progress(0.01, 1e-6, new ClipByElement(1), rate(1e-3), new Momentum(0.9, false)),
        progress(0.02, 1e-6, new ClipByNorm(1, true), rate(1e-3), new Momentum(0.9, false)),
        progress(0.02, 1e-6, new ClipByNorm(1, false), rate(1e-3), new Momentum(0.9, false)),
        progress(1e-6, 0.01, plain, rate(1e-2)),
        progress(0.02, 1e-3, centred, rate(1e-3)),
        progress(
            1e-6, 1e-4, new ClipByNorm(1, true), centred, rate(1e-3), new Momentum(0.9, false)),
        progress(1e-6, 0.1, plain, new ScaleByLearningRate(cosine)));
  }

  @ParameterizedTest
  @MethodSource("chains")
  void everyChainMakesProgress(Optimizer optimizer, double bowl, double valley) {
    assertThat(ToyProblem.BOWL.shareLeft(optimizer, 300)).isBetween(0.0, bowl);
    assertThat(ToyProblem.ROSENBROCK.shareLeft(optimizer, 3000)).isBetween(0.0, valley);
  }

  @Test
  void slotsAreNamedInTheOrderOfTheStages() {
    assertThat(chain(rate(0.1)).slots()).isEmpty();
    assertThat(
            chain(
                    new ClipByNorm(1, true),
                    ScaleByRms.theanets(14, 1e-8),
                    rate(1e-3),
                    new Momentum(0.9, false))
                .slots())
        .containsExactly("mean", "mean_square", "velocity");
    assertThat(chain(new ScaleByRms(0.9, 1e-8, false, false), rate(1e-3)).slots())
        .containsExactly("mean_square");
  }

  @Test
  void stateStartsAtZeroAndHoldsAllThatAStepLeaves() {
    Optimizer optimizer =
        chain(ScaleByRms.theanets(14, 1e-8), rate(1e-3), new Momentum(0.9, false));
    float[][] state = optimizer.initialState(4);
    assertThat(state).isDeepEqualTo(new float[3][4]);

    float[] straight = {1, 2, 3, 4};
    float[] resumed = straight.clone();
    float[][] saved = optimizer.initialState(4);
    for (int step = 0; step < 10; step++) {
      optimizer.update(straight, new float[] {1, -1, step, 0}, state, layout(4), step);
      saved = java.util.Arrays.stream(saved).map(float[]::clone).toArray(float[][]::new);
      Optimizer again = chain(ScaleByRms.theanets(14, 1e-8), rate(1e-3), new Momentum(0.9, false));
      again.update(resumed, new float[] {1, -1, step, 0}, saved, layout(4), step);
    }
    assertThat(resumed).isEqualTo(straight);
    assertThat(saved).isDeepEqualTo(state);
  }

  @Test
  void serializedOptimizerIsEqual() throws Exception {
    for (Arguments row : chains().toList()) {
      Object optimizer = ((Named<?>) row.get()[0]).getPayload();
      ByteArrayOutputStream bytes = new ByteArrayOutputStream();
      try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
        out.writeObject(optimizer);
      }
      try (ObjectInputStream in =
          new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
        assertThat(in.readObject()).isEqualTo(optimizer);
      }
    }
  }

  static Stream<Arguments> mistakes() {
    return Stream.of(
        mistake(() -> new Momentum(1, false), "momentum: expected a number in [0, 1), found 1.0"),
        mistake(
            () -> new Momentum(-0.1, true), "momentum: expected a number in [0, 1), found -0.1"),
        mistake(
            () -> new Momentum(Double.NaN, true),
            "momentum: expected a number in [0, 1), found NaN"),
        mistake(() -> new NesterovMomentum(1), "momentum: expected a number in [0, 1), found 1.0"),
        mistake(
            () -> new ScaleByRms(1, 1e-8, true, true),
            "decay: expected a number in [0, 1), found 1.0"),
        mistake(
            () -> new ScaleByRms(0.9, 0, true, true),
            "epsilon: expected a number above 0, found 0.0"),
        mistake(
            () -> new ScaleByRms(0.9, Double.NaN, true, true),
            "epsilon: expected a number above 0, found NaN"),
        mistake(
            () -> ScaleByRms.theanets(0, 1e-8), "half-life: expected a number above 0, found 0.0"),
        mistake(() -> new ClipByNorm(0, true), "clip norm: expected above 0, found 0.0"),
        mistake(() -> new ClipByNorm(Double.NaN, true), "clip norm: expected above 0, found NaN"),
        mistake(() -> new ClipByElement(-1), "clip by element: expected above 0, found -1.0"));
  }

  private static Arguments mistake(Supplier<Object> call, String message) {
    return Arguments.of(Named.of(message, call), message);
  }

  @ParameterizedTest
  @MethodSource("mistakes")
  void badNumberIsRefusedByName(Supplier<Object> call, String message) {
    assertThatThrownBy(call::get).isInstanceOf(IllegalArgumentException.class).hasMessage(message);
  }
}
