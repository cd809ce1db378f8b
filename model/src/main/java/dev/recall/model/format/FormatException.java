package dev.recall.model.format;

/** A file is not what its reader expects. The message names what was expected and found. */
public final class FormatException extends Exception {

  private static final long serialVersionUID = 1L;

  /**
   * Creates the error.
   *
   * @param expected what the reader wanted
   * @param found what is there
   */
  public FormatException(String expected, String found) {
    super("expected " + expected + ", found " + found);
  }
}
