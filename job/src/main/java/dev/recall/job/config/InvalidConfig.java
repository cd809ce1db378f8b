package dev.recall.job.config;

import java.util.List;

/** A configuration with mistakes; the message lists all of them, a line each. */
public final class InvalidConfig extends Exception {

  private static final long serialVersionUID = 1L;

  /**
   * Creates the error.
   *
   * @param problems one line each: where, key, expected, found
   */
  public InvalidConfig(List<String> problems) {
    super(String.join(System.lineSeparator(), problems));
  }
}
