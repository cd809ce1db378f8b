package dev.recall.job.train;

import dev.recall.job.config.StopConfig;
import dev.recall.model.Evaluation;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/**
 * Decides after each round whether training ends. Of several reasons the first in the order of
 * {@link StopReason} is given.
 *
 * @param config the limits
 * @param asked whether somebody asked the process to end
 */
public record StoppingRule(StopConfig config, BooleanSupplier asked) {

  /**
   * Returns the rule that a configuration gives.
   *
   * @param config the limits
   * @return the rule
   */
  public static StoppingRule of(StopConfig config) {
    return new StoppingRule(config, () -> false);
  }

  Optional<StopReason> check(TrainingState state, double seconds, Optional<Evaluation> validation) {
    if (state.round() >= config.rounds()) {
      return Optional.of(StopReason.ROUNDS);
    }
    if (config.seconds() > 0 && seconds >= config.seconds()) {
      return Optional.of(StopReason.SECONDS);
    }
    if (reached(validation.map(Evaluation::loss), config.targetLoss())) {
      return Optional.of(StopReason.TARGET_LOSS);
    }
    if (reached(validation.map(Evaluation::recallMse), config.targetRecallMse())) {
      return Optional.of(StopReason.TARGET_RECALL);
    }
    if (state.best().isPresent() && state.best().get().misses() > config.patience()) {
      return Optional.of(StopReason.PATIENCE);
    }
    return asked.getAsBoolean() ? Optional.of(StopReason.SIGNAL) : Optional.empty();
  }

  private static boolean reached(Optional<Double> value, double target) {
    return target > 0 && value.isPresent() && value.get() <= target;
  }
}
