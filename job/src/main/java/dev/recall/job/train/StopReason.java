package dev.recall.job.train;

/** Why training ended. */
public enum StopReason {
  /** All planned rounds are done. */
  ROUNDS("all rounds are done"),
  /** The wall-clock budget is used up. */
  SECONDS("the time is up (stop.seconds)"),
  /** The validation loss is low enough. */
  TARGET_LOSS("the target loss is reached (stop.target-loss)"),
  /** The recall error is low enough. */
  TARGET_RECALL("the target recall MSE is reached (stop.target-recall-mse)"),
  /** The validation loss did not improve for too long. */
  PATIENCE("no improvement in too many validations (stop.patience)"),
  /** The process was asked to end. */
  SIGNAL("asked to end by a signal");

  private final String sentence;

  StopReason(String sentence) {
    this.sentence = sentence;
  }

  /**
   * Returns the reason in words.
   *
   * @return a clause without a full stop
   */
  public String sentence() {
    return sentence;
  }
}
