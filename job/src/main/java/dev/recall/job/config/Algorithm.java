package dev.recall.job.config;

import dev.recall.model.optim.GradientTransform;
import dev.recall.model.optim.ScaleByRms;
import java.util.List;

/** Optimizers by the names that the configuration uses. */
enum Algorithm {
  RMSPROP,
  RMSPROP_PLAIN,
  SGD;

  /** Stages between clipping and the learning rate. */
  List<GradientTransform> scaling(double halfLife, double rmsDecay, double epsilon) {
    return switch (this) {
      case RMSPROP -> List.of(ScaleByRms.theanets(halfLife, epsilon));
      case RMSPROP_PLAIN -> List.of(new ScaleByRms(rmsDecay, epsilon, false, false));
      case SGD -> List.of();
    };
  }
}
