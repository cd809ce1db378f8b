package dev.recall.job.report;

/** Says in words what a recall error means on the memory task, where predicting zero gives 1. */
public final class RecallInWords {

  private RecallInWords() {}

  /**
   * Describes a recall error by the share of values that it corresponds to: a value that is not
   * remembered costs its variance, 1.
   *
   * @param recallMse mean squared error over the recall steps
   * @param remember number of values K
   * @return a clause
   */
  public static String of(double recallMse, int remember) {
    if (!(recallMse < Double.POSITIVE_INFINITY)) {
      return "not a number";
    }
    if (recallMse <= 0.05) {
      return remember == 1
          ? "the value is remembered"
          : "all " + remember + " values are remembered";
    }
    long held = Math.max(0, Math.min(remember, Math.round(remember * (1 - recallMse))));
    if (held == 0) {
      return "nothing is remembered yet";
    }
    return held == remember
        ? "all " + remember + " values are remembered roughly"
        : "about " + held + " of " + remember + " values are remembered";
  }
}
