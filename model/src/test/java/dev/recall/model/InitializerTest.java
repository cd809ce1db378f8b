package dev.recall.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.recall.model.ParameterLayout.Block;
import dev.recall.model.format.Safetensors;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class InitializerTest {

  private static final RegressorSpec SEED = RegressorSpec.parse("[1, (lstm, 10), 1]", true);
  private static final RegressorSpec STACK =
      RegressorSpec.parse("[3, (lstm, 5), (lstm, 4), 2]", true);
  private static final int SEEDS = 500;

  /** The numbers are part of what a run seed means, so they never change. */
  static Stream<Arguments> initializers() {
    return Stream.of(
        Arguments.of(
            new TheanetsInitializer(),
            "567b3648a90637a15f8f25e0edf45c8dfb48bc95e9c9968b6e313bdf46421041"),
        Arguments.of(
            new GlorotInitializer(1, 1),
            "0f4ba8690d49da0cc43654342fa5974acc0a78650ead876b2013f29e449690d7"),
        Arguments.of(
            new ChronoInitializer(100, 1),
            "405f75e03d54fa12e9c187ad564d84b2fa0a4443a45025a510b0e1ff7f3d624b"));
  }

  @ParameterizedTest
  @MethodSource("initializers")
  void parametersOfTheSeedsNetArePinned(Initializer initializer, String digest) {
    assertThat(Safetensors.sha256(initializer.initialize(SEED, 13))).isEqualTo(digest);
  }

  @ParameterizedTest
  @MethodSource("initializers")
  void sameSeedGivesTheSameBitsAndAnotherSeedOthers(Initializer initializer, String digest) {
    float[] parameters = initializer.initialize(STACK, 7);
    assertThat(initializer.initialize(STACK, 7)).isEqualTo(parameters);
    assertThat(initializer.initialize(STACK, 8)).isNotEqualTo(parameters);
  }

  /** In theanets all layers share one random stream and so hold copies of each other. */
  @ParameterizedTest
  @MethodSource("initializers")
  void noBlockIsAScaledCopyOfAnother(Initializer initializer, String digest) {
    float[] parameters = initializer.initialize(STACK, 7);
    List<Block> blocks = STACK.layout().blocks().stream().filter(b -> !isVector(b)).toList();
    for (Block a : blocks) {
      for (Block b : blocks) {
        if (a.offset() < b.offset()) {
          double ratio = parameters[b.offset()] / parameters[a.offset()];
          double next = parameters[b.offset() + 1] / parameters[a.offset() + 1];
          assertThat(next).as("%s of %s", b.name(), a.name()).isNotCloseTo(ratio, within(1e-4));
        }
      }
    }
  }

  private static boolean isVector(Block block) {
    return block.dimensions().size() == 1;
  }

  /** Mean and deviation of the seed's document, within 4.5 standard errors. */
  @ParameterizedTest
  @CsvSource({
    "hid1.xh, 0, 0.15617", // 1 / sqrt(1 + 40)
    "hid1.hh, 0, 0.14142", // 1 / sqrt(10 + 40)
    "hid1.b, 2, 1",
    "hid1.ci, 0, 1",
    "hid1.cf, 0, 1",
    "hid1.co, 0, 1",
    "out.w, 0, 0.30151", // 1 / sqrt(10 + 1)
    "out.b, 0, 1"
  })
  void theanetsBlocksAreNormal(String name, double mean, double deviation) {
    Block block = SEED.layout().find(name).orElseThrow();
    Moments moments = moments(new TheanetsInitializer(), block);
    double error = deviation / Math.sqrt(moments.count);
    assertThat(moments.mean()).isCloseTo(mean, within(4.5 * error));
    // the variance of a sample variance of normals is 2 sd^4 / n; 1e-5: digits of the table
    assertThat(moments.deviation()).isCloseTo(deviation, within(4.5 * error / Math.sqrt(2) + 1e-5));
    // kurtosis 3, standard error sqrt(24 / n)
    assertThat(moments.kurtosis()).isCloseTo(3, within(4.5 * Math.sqrt(24.0 / moments.count)));
  }

  /** Uniform on [-l, l]: variance l^2 / 3, kurtosis 1.8; within 4.5 standard errors. */
  @ParameterizedTest
  @CsvSource({
    "hid1.xh, 0.38255", // sqrt(6 / 41)
    "out.w, 0.73855" // sqrt(6 / 11)
  })
  void glorotWeightsAreUniform(String name, double limit) {
    Block block = SEED.layout().find(name).orElseThrow();
    Moments moments = moments(new GlorotInitializer(1, 1), block);
    double n = moments.count;
    double variance = limit * limit / 3;
    assertThat(moments.largest).isLessThan(limit + 1e-5).isGreaterThan(0.999 * limit);
    assertThat(moments.mean()).isCloseTo(0, within(4.5 * Math.sqrt(variance / n)));
    assertThat(moments.deviation() * moments.deviation())
        .isCloseTo(variance, within(variance * (4.5 * Math.sqrt(0.8 / n) + 3e-5)));
  }

  @ParameterizedTest
  @CsvSource({"1, 1", "0.5, 0.5", "-2, 1.5"})
  void glorotRecurrentGateBlocksAreOrthogonalTimesTheGain(double forgetBias, double gain) {
    for (RegressorSpec spec : List.of(SEED, STACK)) {
      float[] p = new GlorotInitializer(forgetBias, gain).initialize(spec, 3);
      for (Block block : spec.layout().blocks()) {
        if (block.name().endsWith(".hh")) {
          int size = block.dimensions().get(0);
          for (int gate = 0; gate < 4; gate++) {
            assertOrthogonal(p, block.offset() + gate * size, size, gain);
          }
        }
      }
    }
  }

  /** Rows times their transpose are gain^2 I; entries are floats, so 1e-7 each of about 10. */
  private static void assertOrthogonal(float[] p, int offset, int size, double gain) {
    for (int r = 0; r < size; r++) {
      for (int s = 0; s < size; s++) {
        double product = 0;
        for (int k = 0; k < size; k++) {
          product += (double) p[offset + r * 4 * size + k] * p[offset + s * 4 * size + k];
        }
        assertThat(product).isCloseTo(r == s ? gain * gain : 0, within(1e-6 * gain * gain));
      }
    }
  }

  /** Of a random rotation every entry has mean 0 and variance 1 / size; 4.5 standard errors. */
  @Test
  void glorotRecurrentBlocksHaveNoPreferredDirection() {
    Block block = SEED.layout().find("hid1.hh").orElseThrow();
    int[] entries = {0, 11, 39, 200, 399};
    double[] sums = new double[entries.length];
    double[] squares = new double[entries.length];
    for (int seed = 0; seed < SEEDS; seed++) {
      float[] p = new GlorotInitializer(1, 1).initialize(SEED, seed);
      for (int i = 0; i < entries.length; i++) {
        double value = p[block.offset() + entries[i]];
        sums[i] += value;
        squares[i] += value * value;
      }
    }
    for (int i = 0; i < entries.length; i++) {
      assertThat(sums[i] / SEEDS).isCloseTo(0, within(4.5 * Math.sqrt(0.1 / SEEDS)));
      // the kurtosis is below that of a normal
      assertThat(squares[i] / SEEDS).isCloseTo(0.1, within(4.5 * 0.1 * Math.sqrt(2.0 / SEEDS)));
    }
  }

  @Test
  void glorotBiasesAndPeepholesAreZeroButForTheForgetGates() {
    float[] p = new GlorotInitializer(1.5, 1).initialize(STACK, 3);
    for (Block block : STACK.layout().blocks()) {
      if (isVector(block)) {
        boolean gates = block.name().startsWith("hid") && block.name().endsWith(".b");
        int quarter = block.length() / 4;
        for (int i = 0; i < block.length(); i++) {
          boolean forget = gates && i / quarter == 1; // order i f c o
          assertThat(p[block.offset() + i])
              .as("%s[%d]", block.name(), i)
              .isEqualTo(forget ? 1.5f : 0f);
        }
      }
    }
  }

  /**
   * Tallec and Ollivier, equation 16: e to the forget bias is uniform on (1, T - 1), with variance
   * (T - 2)^2 / 12 and kurtosis 1.8; within 4.5 standard errors.
   */
  @ParameterizedTest
  @ValueSource(ints = {3, 20, 100, 1000})
  void chronoForgetBiasesAreLogarithmsOfUniformNumbers(int steps) {
    Block bias = SEED.layout().find("hid1.b").orElseThrow();
    Moments moments = new Moments();
    int early = 0;
    for (int seed = 0; seed < SEEDS; seed++) {
      float[] p = new ChronoInitializer(steps, 0.5).initialize(SEED, seed);
      for (int unit = 0; unit < 10; unit++) {
        double u = Math.exp(p[bias.offset() + 10 + unit]); // order i f c o
        assertThat(u).isBetween(1 - 1e-6, (steps - 1) * (1 + 1e-6));
        moments.add(u);
        early += u < 1 + (steps - 2) / 4.0 ? 1 : 0;
      }
    }
    double n = moments.count;
    double variance = (steps - 2) * (steps - 2) / 12.0;
    assertThat(moments.mean()).isCloseTo(steps / 2.0, within(4.5 * Math.sqrt(variance / n)));
    assertThat(moments.deviation() * moments.deviation())
        .isCloseTo(variance, within(variance * 4.5 * Math.sqrt(0.8 / n)));
    assertThat(early / n).isCloseTo(0.25, within(4.5 * Math.sqrt(0.25 * 0.75 / n)));
  }

  @Test
  void chronoInputBiasesAreTheNegativesAndAllElseIsGlorots() {
    float[] chrono = new ChronoInitializer(50, 1.5).initialize(STACK, 3);
    float[] glorot = new GlorotInitializer(0, 1.5).initialize(STACK, 3);
    for (Block block : STACK.layout().blocks()) {
      boolean gates = block.name().startsWith("hid") && block.name().endsWith(".b");
      int size = block.length() / 4;
      for (int i = 0; i < block.length(); i++) {
        int at = block.offset() + i;
        if (gates && i < size) {
          assertThat(chrono[at]).isNegative().isEqualTo(-chrono[at + size]);
        } else if (!gates || i >= 2 * size) {
          assertThat(chrono[at]).as("%s[%d]", block.name(), i).isEqualTo(glorot[at]);
        }
      }
    }
  }

  @Test
  void chronoBiasesDifferFromLayerToLayerAndFollowTheSteps() {
    float[] p = new ChronoInitializer(50, 1).initialize(STACK, 3);
    int first = STACK.layout().offset("hid1.b");
    int second = STACK.layout().offset("hid2.b");
    assertThat(p[first]).isNotEqualTo(p[second]);
    // Two steps leave nothing to spread: the logarithm of 1.
    float[] two = new ChronoInitializer(2, 1).initialize(SEED, 3);
    assertThat(two[SEED.layout().offset("hid1.b") + 10]).isZero();
  }

  @Test
  void chronoWithFewerThanTwoStepsIsRefused() {
    assertThatThrownBy(() -> new ChronoInitializer(1, 1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("chrono-steps: expected at least 2, found 1");
    assertThatThrownBy(() -> new ChronoInitializer(20, 0))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("recurrent gain: expected a number above 0, found 0.0");
  }

  @Test
  void numbersThatMakeNoSenseAreRefused() {
    refuses(Double.NaN, 1, "forget bias: expected a number, found NaN");
    refuses(1, 0, "recurrent gain: expected a number above 0, found 0.0");
    refuses(1, Double.NaN, "recurrent gain: expected a number above 0, found NaN");
    refuses(
        1, Double.POSITIVE_INFINITY, "recurrent gain: expected a number above 0, found Infinity");
  }

  private static void refuses(double forgetBias, double gain, String message) {
    assertThatThrownBy(() -> new GlorotInitializer(forgetBias, gain))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(message);
  }

  private static Moments moments(Initializer initializer, Block block) {
    Moments moments = new Moments();
    for (int seed = 0; seed < SEEDS; seed++) {
      float[] parameters = initializer.initialize(SEED, seed);
      for (int i = block.offset(); i < block.offset() + block.length(); i++) {
        moments.add(parameters[i]);
      }
    }
    return moments;
  }

  private static final class Moments {
    private long count;
    private double sum;
    private double squares;
    private double cubes;
    private double fourths;
    private double largest;

    void add(double x) {
      count++;
      sum += x;
      squares += x * x;
      cubes += x * x * x;
      fourths += x * x * x * x;
      largest = Math.max(largest, Math.abs(x));
    }

    double mean() {
      return sum / count;
    }

    double deviation() {
      return Math.sqrt(squares / count - mean() * mean());
    }

    double kurtosis() {
      double m = mean();
      double fourth =
          fourths / count - 4 * m * cubes / count + 6 * m * m * squares / count - 3 * m * m * m * m;
      return fourth / Math.pow(deviation(), 4);
    }
  }
}
