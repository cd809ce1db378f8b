package dev.recall.job.train;

/** The best validated parameters and how long ago they were seen, for early stopping. */
public final class BestSoFar {

  private double loss;
  private int misses;
  private final float[] parameters;

  /**
   * Takes over what a checkpoint holds.
   *
   * @param loss best validation loss; positive infinity before the first validation
   * @param misses validations since then
   * @param parameters the parameters that had it, kept
   */
  public BestSoFar(double loss, int misses, float[] parameters) {
    this.loss = loss;
    this.misses = misses;
    this.parameters = parameters;
  }

  static BestSoFar none(int length) {
    return new BestSoFar(Double.POSITIVE_INFINITY, 0, new float[length]);
  }

  /**
   * Records a validation, as downhill does: an improvement is {@code best - loss > best *
   * minImprovement}. A loss that is not a number is a miss.
   */
  void validated(double validationLoss, double minImprovement, float[] current) {
    boolean improved =
        loss == Double.POSITIVE_INFINITY
            ? Double.isFinite(validationLoss)
            : loss - validationLoss > loss * minImprovement;
    if (improved) {
      loss = validationLoss;
      misses = 0;
      System.arraycopy(current, 0, parameters, 0, current.length);
    } else {
      misses++;
    }
  }

  boolean seen() {
    return loss < Double.POSITIVE_INFINITY;
  }

  /**
   * Returns the best validation loss.
   *
   * @return positive infinity before the first
   */
  public double loss() {
    return loss;
  }

  /**
   * Returns how many validations in a row have not improved on it.
   *
   * @return 0 after an improvement
   */
  public int misses() {
    return misses;
  }

  /**
   * Returns the parameters that had the best loss, themselves.
   *
   * @return [parameters]
   */
  public float[] parameters() {
    return parameters;
  }
}
