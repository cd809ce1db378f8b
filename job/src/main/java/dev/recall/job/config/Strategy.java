package dev.recall.job.config;

import java.util.Locale;

/** What makes of a round's batches the parameters after it. */
public enum Strategy {
  /** This project's rounds. */
  ROUNDS,
  /** {@code ParameterAveragingTrainingMaster} of Deeplearning4j Spark; a round is an averaging. */
  DL4J_PARAMETER_AVERAGING;

  /**
   * Returns its name in the configuration.
   *
   * @return for example {@code rounds}
   */
  public String text() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }
}
