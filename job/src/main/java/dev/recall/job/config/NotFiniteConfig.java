package dev.recall.job.config;

/**
 * What is done about a round whose loss, gradient or update is not finite.
 *
 * @param policy see {@link Policy}
 * @param limit so many rejected rounds in a run; one more ends it; at least 0
 * @param backRounds a round that is tried again is so from the last multiple of this; at least 1
 */
public record NotFiniteConfig(Policy policy, int limit, int backRounds) {

  /** The rules. */
  public enum Policy {
    /** Go back, and halve all learning rates. */
    HALVE,
    /** Leave the round out. */
    SKIP,
    /** End the run. */
    STOP
  }
}
