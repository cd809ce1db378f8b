package dev.recall.job.audit;

/** A run is not what it says. */
public final class NotReproduced extends RuntimeException {

  private static final long serialVersionUID = 1L;

  NotReproduced(String message) {
    super(message);
  }

  /** Refuses what differs. */
  static void unlessSame(String what, Object expected, Object found) {
    if (!expected.equals(found)) {
      throw new NotReproduced(what + ": expected " + expected + ", found " + found);
    }
  }
}
