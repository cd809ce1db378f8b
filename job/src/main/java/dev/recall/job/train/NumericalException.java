package dev.recall.job.train;

/** A round came to something that is not finite, and no rule to go on is left. */
public final class NumericalException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  NumericalException(Rejection rejection, int before) {
    super(
        rejection.finding()
            + (before == 0 ? "" : ", after " + before + " rejected rounds before it")
            + "; lower training.optimizer.learning-rate"
            + " (with local steps training.local-optimizer.learning-rate) or set its clip-norm");
  }
}
