package dev.recall.job.config;

/** Something the user gave is wrong; exit code 2. The message names what was expected and found. */
public class UserError extends RuntimeException {

  private static final long serialVersionUID = 1L;

  /**
   * Creates the error.
   *
   * @param message what was expected and found, with path or key
   */
  public UserError(String message) {
    super(message);
  }
}
