package dev.recall.job.train;

import java.util.OptionalInt;

/** A round came to something that is not finite; the state is as it was before the round. */
public final class NumericalException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  NumericalException(
      int round, OptionalInt shard, double loss, double gradientNorm, double parameterNorm) {
    super(
        "round "
            + (round + 1)
            + (shard.isPresent() ? ", shard " + shard.getAsInt() : "")
            + ": expected finite loss, gradient, parameters and optimizer state, found loss "
            + loss
            + ", gradient norm "
            + gradientNorm
            + " and parameter norm "
            + parameterNorm
            + "; lower training.optimizer.learning-rate"
            + " (with local steps training.local-optimizer.learning-rate) or set its clip-norm");
  }
}
