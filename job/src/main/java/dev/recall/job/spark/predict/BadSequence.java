package dev.recall.job.spark.predict;

/** A row has no usable sequence. The message says where, what was expected and what was found. */
public final class BadSequence extends RuntimeException {

  private static final long serialVersionUID = 1L;

  BadSequence(String message) {
    super(message, null, false, false);
  }

  /**
   * Finds the row that ended a Spark job.
   *
   * @param failure of the job
   * @return the one among its causes, or null
   */
  public static BadSequence in(Throwable failure) {
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof BadSequence bad) {
        return bad;
      }
    }
    return null;
  }
}
