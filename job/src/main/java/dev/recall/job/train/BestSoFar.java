package dev.recall.job.train;

import java.util.Arrays;

/**
 * The best validated parameters and how long ago they were seen, for early stopping.
 *
 * @param loss best validation loss; positive infinity before the first validation
 * @param misses validations in a row that have not improved on it
 * @param parameters [parameters] that had it; not changed by training
 */
public record BestSoFar(double loss, int misses, float[] parameters) {

  static BestSoFar none(int length) {
    return new BestSoFar(Double.POSITIVE_INFINITY, 0, new float[length]);
  }

  /**
   * Records a validation, as downhill does: an improvement is {@code best - loss > best *
   * minImprovement}. A loss that is not a number is a miss.
   */
  BestSoFar validated(double validationLoss, double minImprovement, float[] current) {
    boolean improved =
        seen() ? loss - validationLoss > loss * minImprovement : Double.isFinite(validationLoss);
    return improved
        ? new BestSoFar(validationLoss, 0, current)
        : new BestSoFar(loss, misses + 1, parameters);
  }

  boolean seen() {
    return loss < Double.POSITIVE_INFINITY;
  }

  boolean sameBits(BestSoFar other) {
    return loss == other.loss
        && misses == other.misses
        && Arrays.equals(parameters, other.parameters);
  }
}
