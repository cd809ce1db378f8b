package dev.recall.job.train;

/** Loss or gradient of a round is not finite; the parameters are as they were before the round. */
public final class NumericalException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  NumericalException(int round, double loss, double gradientNorm) {
    super(
        "round "
            + (round + 1)
            + ": expected a finite loss and gradient, found loss "
            + loss
            + " and gradient norm "
            + gradientNorm
            + "; lower training.optimizer.learning-rate"
            + " (with local steps training.local-optimizer.learning-rate) or set clip-norm");
  }
}
