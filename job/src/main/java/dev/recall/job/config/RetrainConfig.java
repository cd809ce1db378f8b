package dev.recall.job.config;

/**
 * How a challenger is made and judged.
 *
 * @param start what it starts from
 * @param batches held-out batches of the judgement, at least 2
 * @param confidence of the test, in [0.5, 1)
 * @param minImprovement share of the champion's loss above the floor that it must take away, in [0,
 *     1)
 * @param leaseSeconds how long a lease holds without being renewed, at least 1
 */
public record RetrainConfig(
    Start start, int batches, double confidence, double minImprovement, int leaseSeconds) {

  /** What a challenger starts from. */
  public enum Start {
    /** The model in service, where there is one. */
    CHAMPION,
    /** The initializer. */
    SCRATCH,
    /** Two challengers, one of each; the better one is judged. */
    BETTER
  }
}
