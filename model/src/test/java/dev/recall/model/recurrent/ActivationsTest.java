package dev.recall.model.recurrent;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.function.DoubleUnaryOperator;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ActivationsTest {

  /** Where the errors of all floats in [1/4, 32] are largest: 2.2317e-7 and 1.1159e-7. */
  private static final float[] WORST = {0.49831033f, 0.8465351f, 0.99662066f, 1.6800187f};

  /** Every so many float patterns of a magnitude up to 100; prime, so that all mantissas come. */
  private static final int STRIDE = 4999;

  private interface FloatFunction {
    float at(float x);
  }

  @Test
  void sigmoidStaysWithinItsBound() {
    assertThat(largestError(ActivationsTest::sigmoid, ActivationsTest::exactSigmoid))
        .isLessThanOrEqualTo(Activations.SIGMOID_ERROR);
  }

  @Test
  void tanhStaysWithinItsBound() {
    assertThat(largestError(ActivationsTest::tanh, StrictMath::tanh))
        .isLessThanOrEqualTo(Activations.TANH_ERROR);
  }

  /** A bound that is much too wide would hide a worse polynomial. */
  @Test
  void boundsAreNotTwiceAsWideAsNeeded() {
    assertThat(largestError(ActivationsTest::sigmoid, ActivationsTest::exactSigmoid))
        .isGreaterThan(Activations.SIGMOID_ERROR / 2);
    assertThat(largestError(ActivationsTest::tanh, StrictMath::tanh))
        .isGreaterThan(Activations.TANH_ERROR / 2);
  }

  /**
   * Beyond 100 both functions are constant to 1e-43. Beyond 2^22 the argument is coarser than the
   * whole numbers it is split at, so the polynomial runs far off its interval; the scale 2^-126
   * leaves at most 1.2e-6 of that.
   */
  @Test
  void everyLargeFiniteArgumentSaturates() {
    int last = Float.floatToRawIntBits(1e38f);
    for (int bits = Float.floatToRawIntBits(100f); bits <= last; bits += 9973) {
      float x = Float.intBitsToFloat(bits);
      assertSaturated("sigmoid", x, sigmoid(x), 1);
      assertSaturated("sigmoid", -x, sigmoid(-x), 0);
      assertSaturated("tanh", x, tanh(x), 1);
      assertSaturated("tanh", -x, tanh(-x), -1);
    }
  }

  private static void assertSaturated(String name, float x, float actual, float expected) {
    if (!(Math.abs(actual - expected) <= 2e-6f)) {
      Assertions.fail("%s(%s): expected %s, found %s".formatted(name, x, expected, actual));
    }
  }

  /** x log2(e) overflows there, and an overflow is to be noticed. */
  @ParameterizedTest
  @ValueSource(floats = {3e38f, -3e38f, Float.MAX_VALUE, -Float.MAX_VALUE})
  void argumentsNextToOverflowGiveNan(float x) {
    assertThat(sigmoid(x)).isNaN();
    assertThat(tanh(x)).isNaN();
  }

  @Test
  void valuesStayInTheirRange() {
    int last = Float.floatToRawIntBits(100f);
    for (int bits = 0; bits <= last; bits += STRIDE) {
      for (int sign : new int[] {0, Integer.MIN_VALUE}) {
        float x = Float.intBitsToFloat(bits | sign);
        float s = sigmoid(x);
        float t = tanh(x);
        if (!(s >= 0f && s <= 1f && t >= -1f && t <= 1f)) {
          assertThat(s).as("sigmoid(%s)", x).isBetween(0f, 1f);
          assertThat(t).as("tanh(%s)", x).isBetween(-1f, 1f);
        }
      }
    }
  }

  /** By this an overflow before the gates shows in the loss. */
  @ParameterizedTest
  @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY})
  void nanAndInfinitiesGiveNan(float x) {
    assertThat(sigmoid(x)).isNaN();
    assertThat(tanh(x)).isNaN();
  }

  @Test
  void valuesAtZeroAreExact() {
    assertThat(sigmoid(0f)).isEqualTo(0.5f);
    assertThat(tanh(0f)).isEqualTo(0f);
  }

  private static double largestError(FloatFunction function, DoubleUnaryOperator exact) {
    double largest = 0;
    int last = Float.floatToRawIntBits(100f);
    for (int bits = 0; bits <= last; bits += STRIDE) {
      float x = Float.intBitsToFloat(bits);
      largest = Math.max(largest, error(function, exact, x));
      largest = Math.max(largest, error(function, exact, -x));
    }
    for (int i = -(1 << 16); i <= 1 << 16; i++) {
      largest = Math.max(largest, error(function, exact, i * 0x1p-14f)); // evenly in [-4, 4]
    }
    for (float x : WORST) {
      largest = Math.max(largest, error(function, exact, x));
      largest = Math.max(largest, error(function, exact, -x));
    }
    return largest;
  }

  private static double error(FloatFunction function, DoubleUnaryOperator exact, float x) {
    double error = Math.abs(function.at(x) - exact.applyAsDouble(x));
    return Double.isNaN(error) ? Double.POSITIVE_INFINITY : error;
  }

  private static double exactSigmoid(double x) {
    return 1 / (1 + StrictMath.exp(-x));
  }

  private static float sigmoid(float x) {
    return Activations.squash(x * Activations.SIGMOID_SCALE);
  }

  private static float tanh(float x) {
    return 2f * Activations.squash(x * Activations.TANH_SCALE) - 1f;
  }
}
