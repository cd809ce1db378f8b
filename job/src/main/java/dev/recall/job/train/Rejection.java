package dev.recall.job.train;

import java.util.Locale;
import java.util.OptionalInt;

/**
 * A round whose loss, gradient, parameters or optimizer state would not have been finite, and what
 * is done about it.
 *
 * @param round its number, from 1
 * @param shard the first shard whose contribution is not finite, if any
 * @param loss of the round
 * @param gradientNorm of the mean gradient or displacement
 * @param parameterNorm of what the update would have made of the parameters
 * @param backTo rounds that are left: {@code round} when it is skipped, those of the state gone
 *     back to when it is tried again
 * @param rateFactor factor on all learning rates from here on
 */
public record Rejection(
    int round,
    OptionalInt shard,
    double loss,
    double gradientNorm,
    double parameterNorm,
    int backTo,
    double rateFactor) {

  /**
   * Returns whether the round is counted as done, without an update.
   *
   * @return false when it is tried again
   */
  public boolean skipped() {
    return backTo == round;
  }

  /** What was found. */
  String finding() {
    return String.format(
        Locale.ROOT,
        "round %d%s: expected finite loss, gradient, parameters and optimizer state, found loss %s,"
            + " gradient norm %s and parameter norm %s",
        round,
        shard.isPresent() ? ", shard " + shard.getAsInt() : "",
        loss,
        gradientNorm,
        parameterNorm);
  }

  /**
   * Returns what happened and what is done about it.
   *
   * @return a line without its end
   */
  public String sentence() {
    return finding()
        + (skipped()
            ? "; the round is left out"
            : String.format(
                Locale.ROOT,
                "; going on from round %d with %s times the learning rates",
                backTo,
                rateFactor));
  }
}
