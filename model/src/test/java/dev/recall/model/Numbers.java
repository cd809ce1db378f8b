package dev.recall.model;

import static org.assertj.core.api.Assertions.assertThat;

import dev.recall.model.ParameterLayout.Block;

/** Comparison of float results with double references. */
public final class Numbers {

  private Numbers() {}

  public static double[] doubles(float[] values) {
    double[] copy = new double[values.length];
    for (int i = 0; i < values.length; i++) {
      copy[i] = values[i];
    }
    return copy;
  }

  public static float[] floats(double[] values) {
    float[] copy = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      copy[i] = (float) values[i];
    }
    return copy;
  }

  /** Divides by a weight and rounds, as training does with a summed gradient. */
  public static float[] mean(GradientSum sum) {
    float[] mean = new float[sum.vector().length];
    for (int i = 0; i < mean.length; i++) {
      mean[i] = (float) (sum.vector()[i] / sum.weight());
    }
    return mean;
  }

  public static double largest(double[] values, int from, int to) {
    double largest = 0;
    for (int i = from; i < to; i++) {
      largest = Math.max(largest, Math.abs(values[i]));
    }
    return largest;
  }

  /** Each block within a tolerance relative to the largest entry of its scale. */
  public static void assertBlocksClose(
      ParameterLayout layout,
      double[] actual,
      double[] expected,
      double[] scale,
      double tolerance) {
    assertThat(actual).hasSize(layout.size());
    for (Block block : layout.blocks()) {
      int to = block.offset() + block.length();
      double bound = tolerance * largest(scale, block.offset(), to);
      for (int i = block.offset(); i < to; i++) {
        assertThat(Math.abs(actual[i] - expected[i]))
            .as("%s[%d] %s, expected %s", block.name(), i - block.offset(), actual[i], expected[i])
            .isLessThanOrEqualTo(bound);
      }
    }
  }

  /** All values within a tolerance relative to the largest expected one. */
  public static void assertClose(double[] actual, double[] expected, double tolerance) {
    assertThat(actual).hasSameSizeAs(expected);
    double bound = tolerance * largest(expected, 0, expected.length);
    for (int i = 0; i < actual.length; i++) {
      assertThat(Math.abs(actual[i] - expected[i]))
          .as("[%d] %s, expected %s", i, actual[i], expected[i])
          .isLessThanOrEqualTo(bound);
    }
  }
}
