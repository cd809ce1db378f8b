package dev.recall.job.config;

import dev.recall.model.optim.LearningRate;

/** Ways in which a learning rate falls, by the names that the configuration uses. */
enum DecayKind {
  CONSTANT,
  COSINE,
  STEP;

  /** Builds the decay from the settings of an optimizer. */
  LearningRate.Decay decay(
      double decayRounds, double finalFactor, double stepRounds, double stepFactor) {
    return switch (this) {
      case CONSTANT -> new LearningRate.Constant();
      case COSINE -> new LearningRate.Cosine(decayRounds, finalFactor);
      case STEP -> new LearningRate.Step(stepRounds, stepFactor);
    };
  }
}
