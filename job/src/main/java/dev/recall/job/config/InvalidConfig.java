package dev.recall.job.config;

import java.util.List;
import java.util.stream.Collectors;

/** A configuration with mistakes; the message lists all of them, a line each. */
public final class InvalidConfig extends Exception {

  private static final long serialVersionUID = 1L;
  private static final int MOST = 100;
  private static final int LONGEST = 1000;

  /**
   * Creates the error.
   *
   * @param problems one line each: where, key, expected, found
   */
  public InvalidConfig(List<String> problems) {
    super(
        problems.stream()
                .limit(MOST)
                .map(InvalidConfig::cut)
                .collect(Collectors.joining(System.lineSeparator()))
            + (problems.size() > MOST
                ? System.lineSeparator() + "and " + (problems.size() - MOST) + " more"
                : ""));
  }

  private static String cut(String problem) {
    return problem.length() <= LONGEST
        ? problem
        : problem.substring(0, LONGEST) + "... (" + problem.length() + " characters)";
  }
}
