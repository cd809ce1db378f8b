package dev.recall.job;

import dev.recall.datagen.Purpose;
import dev.recall.job.config.RunConfig;
import dev.recall.model.Evaluation;
import dev.recall.model.recurrent.Engines;

/** The held-out batches on which {@code train} and {@code evaluate} take their final figures. */
final class HeldOut {

  private HeldOut() {}

  /** Evaluates on the batches (test, round 0, shard 0..evaluation.batches-1, step 0). */
  static Evaluation evaluate(RunConfig config, float[] parameters) {
    return Evaluation.of(
        Engines.create(config.model()),
        parameters,
        config.task(),
        config.seed(),
        Purpose.TEST,
        0,
        config.evaluationBatches());
  }
}
