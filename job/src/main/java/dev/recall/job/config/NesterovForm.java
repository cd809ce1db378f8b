package dev.recall.job.config;

import dev.recall.model.optim.GradientTransform;
import dev.recall.model.optim.Momentum;
import dev.recall.model.optim.NesterovMomentum;

/** Forms of Nesterov's momentum by the names that the configuration uses. */
enum NesterovForm {
  DOWNHILL,
  PYTORCH;

  /** Builds the stage behind the learning rate. */
  GradientTransform stage(double momentum) {
    return switch (this) {
      case DOWNHILL -> new Momentum(momentum, true);
      case PYTORCH -> new NesterovMomentum(momentum);
    };
  }
}
