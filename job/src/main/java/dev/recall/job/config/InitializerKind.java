package dev.recall.job.config;

import dev.recall.model.ChronoInitializer;
import dev.recall.model.GlorotInitializer;
import dev.recall.model.Initializer;
import dev.recall.model.TheanetsInitializer;

/** Initialisations by the names that the configuration uses. */
enum InitializerKind {
  GLOROT,
  CHRONO,
  THEANETS;

  /** Builds the initializer from the settings under {@code model}. */
  Initializer initializer(double forgetBias, double recurrentGain, int chronoSteps) {
    return switch (this) {
      case GLOROT -> new GlorotInitializer(forgetBias, recurrentGain);
      case CHRONO -> new ChronoInitializer(chronoSteps, recurrentGain);
      case THEANETS -> new TheanetsInitializer();
    };
  }
}
