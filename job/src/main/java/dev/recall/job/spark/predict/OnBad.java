package dev.recall.job.spark.predict;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** What happens to a row without a usable sequence. */
public enum OnBad {
  /** The job ends with a message that names the row. */
  FAIL,
  /** The row gets null for a prediction, and is counted. */
  NULL;

  /**
   * Finds a choice by its name.
   *
   * @param text in lower case, as {@link #text} gives it
   * @return the choice, or nothing
   */
  public static Optional<OnBad> of(String text) {
    return Arrays.stream(values()).filter(choice -> choice.text().equals(text)).findFirst();
  }

  /**
   * Returns its name for users.
   *
   * @return in lower case
   */
  public String text() {
    return name().toLowerCase(Locale.ROOT);
  }

  /**
   * Lists the choices.
   *
   * @return names for users
   */
  public static List<String> texts() {
    return Arrays.stream(values()).map(OnBad::text).toList();
  }
}
