package dev.recall.model.format;

/** A file is not what its reader expects. The message names what was expected and found. */
public final class FormatException extends Exception {

  private static final long serialVersionUID = 1L;
  private static final int LONGEST = 1000; // names and shapes may be megabytes

  /**
   * Creates the error.
   *
   * @param expected what the reader wanted
   * @param found what is there
   */
  public FormatException(String expected, String found) {
    super("expected " + cut(expected) + ", found " + cut(found));
  }

  private static String cut(String text) {
    return text.length() <= LONGEST
        ? text
        : text.substring(0, LONGEST) + "... (" + text.length() + " characters)";
  }
}
