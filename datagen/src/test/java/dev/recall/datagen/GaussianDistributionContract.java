package dev.recall.datagen;

import static dev.recall.datagen.NormalDistribution.cdf;
import static dev.recall.datagen.NormalDistribution.centredSquares;
import static dev.recall.datagen.NormalDistribution.chiSquare;
import static dev.recall.datagen.NormalDistribution.correlation;
import static dev.recall.datagen.NormalDistribution.kolmogorovSmirnov;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The stream is N(0,1) and its values are independent.
 *
 * <p>Limits are in standard errors. 4.5 of them happen by chance in 7 of a million statistics; the
 * seeds are fixed, so a statistic that passes once passes always.
 */
interface GaussianDistributionContract {

  /** A kernel of its own for each call. */
  RandomKernel kernel();

  int N = 1 << 21;
  double SIGMAS = 4.5;

  /** 2 sum (-1)^(k-1) exp(-2 k^2 x^2) = 1e-4, Kolmogorov's limit distribution. */
  double KS_LIMIT = 2.2253;

  @ParameterizedTest
  @ValueSource(longs = {0, 1, 42, -1})
  default void momentsAreThoseOfTheNormalDistribution(long seed) {
    double[] power = new double[5];
    for (float value : sample(seed, N)) {
      double x = value;
      power[1] += x / N;
      power[2] += x * x / N;
      power[3] += x * x * x / N;
      power[4] += x * x * x * x / N;
    }
    double mean = power[1];
    double variance = power[2] - mean * mean;
    double third = power[3] - 3 * mean * power[2] + 2 * mean * mean * mean;
    double fourth =
        power[4] - 4 * mean * power[3] + 6 * mean * mean * power[2] - 3 * Math.pow(mean, 4);
    assertThat(mean).isCloseTo(0, within(SIGMAS * Math.sqrt(1.0 / N)));
    assertThat(variance).isCloseTo(1, within(SIGMAS * Math.sqrt(2.0 / N)));
    assertThat(third / Math.pow(variance, 1.5)).isCloseTo(0, within(SIGMAS * Math.sqrt(6.0 / N)));
    assertThat(fourth / (variance * variance)).isCloseTo(3, within(SIGMAS * Math.sqrt(24.0 / N)));
  }

  @ParameterizedTest
  @ValueSource(longs = {0, 1, 42, -1})
  default void kolmogorovSmirnovDistanceIsBelowItsCriticalValue(long seed) {
    float[] values = sample(seed, N);
    Arrays.sort(values);
    assertThat(kolmogorovSmirnov(values)).isLessThan(KS_LIMIT);
  }

  @ParameterizedTest
  @ValueSource(doubles = {3, 3.5, 4, 4.5})
  default void tailsHaveTheirShareOnBothSides(double bound) {
    int below = 0;
    int above = 0;
    for (float x : sample(5, 2 * N)) {
      below += x < -bound ? 1 : 0;
      above += x > bound ? 1 : 0;
    }
    double expected = 2 * N * cdf(-bound); // 266 at 4, 14 at 4.5
    assertThat((double) below).isCloseTo(expected, within(SIGMAS * Math.sqrt(expected)));
    assertThat((double) above).isCloseTo(expected, within(SIGMAS * Math.sqrt(expected)));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 5, 8, 32, 128, 256, 1024})
  default void valuesAndTheirSquaresAreSeriallyUncorrelated(int lag) {
    float[] values = sample(6, N);
    float[] squares = centredSquares(values);
    assertThat(correlation(values, values, lag)).isCloseTo(0, within(SIGMAS));
    assertThat(correlation(squares, squares, lag)).isCloseTo(0, within(SIGMAS));
    assertThat(correlation(values, squares, lag)).isCloseTo(0, within(SIGMAS));
    assertThat(correlation(squares, values, lag)).isCloseTo(0, within(SIGMAS));
  }

  /** Polar coordinates of pairs: the angle and exp(-r^2/2) are uniform and independent. */
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4})
  default void pairsAreIndependent(int lag) {
    float[] values = sample(7, N);
    int[] angles = new int[256];
    int[] radii = new int[256];
    int[] joint = new int[32 * 32];
    for (int i = 0; i + lag < N; i += 4) {
      double turn = Math.atan2(values[i + lag], values[i]) / (2 * Math.PI) + 0.5;
      double square = values[i] * values[i] + values[i + lag] * values[i + lag];
      double u = Math.exp(-0.5 * square);
      angles[Math.min((int) (256 * turn), 255)]++;
      radii[Math.min((int) (256 * u), 255)]++;
      joint[32 * Math.min((int) (32 * turn), 31) + Math.min((int) (32 * u), 31)]++;
    }
    assertThat(chiSquare(angles)).isCloseTo(0, within(SIGMAS));
    assertThat(chiSquare(radii)).isCloseTo(0, within(SIGMAS));
    assertThat(chiSquare(joint)).isCloseTo(0, within(SIGMAS));
  }

  /**
   * Batches of one value per sequence, as training draws them: 4096 keys in a row, 64 values each.
   */
  @Test
  default void neighbouringKeysAreIndependent() {
    int keys = 4096;
    int size = 64;
    for (int axis = 0; axis < 4; axis++) {
      float[] values = new float[keys * size];
      RandomKernel kernel = kernel();
      for (int i = 0; i < keys; i++) {
        key(axis, i).stream(kernel).gaussians(values, i * size, size);
      }
      float[] squares = centredSquares(values);
      for (int distance = 1; distance <= 4; distance++) {
        assertThat(correlation(values, values, distance * size)).isCloseTo(0, within(SIGMAS));
        assertThat(correlation(squares, squares, distance * size)).isCloseTo(0, within(SIGMAS));
      }
      Arrays.sort(values);
      assertThat(kolmogorovSmirnov(values)).isLessThan(KS_LIMIT);
    }
  }

  @Test
  default void purposesAndSeedsThatDifferInOneBitAreIndependent() {
    int n = 1 << 18;
    float[] base = new float[n];
    float[] other = new float[n];
    new BatchKey(9, Purpose.TRAINING, 0, 0, 0).stream(kernel()).gaussians(base, 0, n);
    for (Purpose purpose : Purpose.values()) {
      for (long seed : new long[] {8, 9, 9 ^ (1L << 31), 9 ^ (1L << 32), 9 ^ (1L << 63)}) {
        if (purpose != Purpose.TRAINING || seed != 9) {
          new BatchKey(seed, purpose, 0, 0, 0).stream(kernel()).gaussians(other, 0, n);
          assertThat(correlation(base, other, 0)).isCloseTo(0, within(SIGMAS));
          assertThat(correlation(centredSquares(base), centredSquares(other), 0))
              .isCloseTo(0, within(SIGMAS));
        }
      }
    }
  }

  private static BatchKey key(int axis, int i) {
    return switch (axis) {
      case 0 -> new BatchKey(i, Purpose.TRAINING, 0, 0, 0);
      case 1 -> new BatchKey(3, Purpose.TRAINING, i, 0, 0);
      case 2 -> new BatchKey(3, Purpose.TRAINING, 0, i, 0);
      default -> new BatchKey(3, Purpose.TRAINING, 0, 0, i);
    };
  }

  private float[] sample(long seed, int n) {
    float[] values = new float[n];
    new BatchKey(seed, Purpose.TEST, 0, 0, 0).stream(kernel()).gaussians(values, 0, n);
    return values;
  }
}
