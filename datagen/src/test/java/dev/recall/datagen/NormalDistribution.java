package dev.recall.datagen;

/** The normal distribution function and the statistics that examine samples of it. */
final class NormalDistribution {
  private NormalDistribution() {}

  /**
   * Phi(x) = 1/2 + phi(x) (x + x^3/3 + x^5/(3 5) + ...), to 1e-15.
   *
   * <p>Source: Marsaglia, Evaluating the Normal Distribution, Journal of Statistical Software
   * 11(4), 2004, page 3.
   */
  static double cdf(double x) {
    double square = x * x;
    double term = x;
    double sum = x;
    for (int i = 3; Math.abs(term) > 1e-17; i += 2) {
      term *= square / i;
      sum += term;
    }
    return 0.5 + sum * Math.exp(-0.5 * square) / Math.sqrt(2 * Math.PI);
  }

  /** sqrt(n) times the Kolmogorov-Smirnov distance of a sorted sample from N(0,1). */
  static double kolmogorovSmirnov(float[] sorted) {
    double distance = 0;
    int n = sorted.length;
    for (int i = 0; i < n; i++) {
      double p = cdf(sorted[i]);
      distance = Math.max(distance, Math.max(p - (double) i / n, (i + 1.0) / n - p));
    }
    return Math.sqrt(n) * distance;
  }

  /** sqrt(n) times the correlation of a[0, n) and b[shift, shift + n): N(0,1) if independent. */
  static double correlation(float[] a, float[] b, int shift) {
    int n = b.length - shift;
    double ab = 0;
    double aa = 0;
    double bb = 0;
    for (int i = 0; i < n; i++) {
      ab += (double) a[i] * b[i + shift];
      aa += (double) a[i] * a[i];
      bb += (double) b[i + shift] * b[i + shift];
    }
    return Math.sqrt(n) * ab / Math.sqrt(aa * bb);
  }

  /** (chi-square - degrees) / sqrt(2 degrees) of counts whose expectations are equal. */
  static double chiSquare(int[] counts) {
    double total = 0;
    for (int count : counts) {
      total += count;
    }
    double expected = total / counts.length;
    double sum = 0;
    for (int count : counts) {
      sum += (count - expected) * (count - expected) / expected;
    }
    int degrees = counts.length - 1;
    return (sum - degrees) / Math.sqrt(2.0 * degrees);
  }

  /** x^2 - 1 for every element: mean 0 when x is N(0,1). */
  static float[] centredSquares(float[] values) {
    float[] squares = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      squares[i] = values[i] * values[i] - 1f;
    }
    return squares;
  }
}
