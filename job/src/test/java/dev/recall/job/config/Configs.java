package dev.recall.job.config;

import dev.recall.datagen.SequenceTask;
import java.util.ArrayList;
import java.util.List;

/** Configurations for tests. */
public final class Configs {

  private static final List<String> SMALL =
      List.of(
          "task.steps=6",
          "task.remember=2",
          "task.batch-size=3",
          "model.layers=[1, (lstm, 4), 1]",
          "training.shards=8",
          "training.local-steps=1",
          "training.optimizer.learning-rate=0.003",
          "training.optimizer.decay=cosine",
          "training.optimizer.momentum=0.9",
          "training.optimizer.epsilon=1e-8",
          "training.local-optimizer.warm-up-rounds=0",
          "stop.rounds=6",
          "validation.every-rounds=2",
          "validation.batches=2",
          "evaluation.batches=2",
          "checkpoint.every-rounds=2",
          "checkpoint.keep-every-rounds=0");

  private Configs() {}

  /** The defaults with these assignments. */
  public static RunConfig of(String... assignments) {
    return load(List.of(assignments));
  }

  /** A run of milliseconds, with these assignments on top. */
  public static RunConfig small(String... assignments) {
    return load(smallWith(assignments));
  }

  /** The assignments of {@link #small}. */
  public static List<String> smallWith(String... assignments) {
    List<String> all = new ArrayList<>(SMALL);
    all.addAll(List.of(assignments));
    return all;
  }

  private static RunConfig load(List<String> assignments) {
    try {
      return ConfigLoader.load(List.of(), assignments);
    } catch (InvalidConfig e) {
      throw new IllegalArgumentException(e.getMessage(), e);
    }
  }

  /** The same configuration with another task. */
  public static RunConfig withTask(RunConfig config, SequenceTask task) {
    return new RunConfig(
        config.seed(),
        task,
        config.model(),
        config.initializer(),
        config.training(),
        config.validation(),
        config.stop(),
        config.checkpoint(),
        config.waits(),
        config.retrain(),
        config.evaluationBatches(),
        config.reportEveryRounds(),
        config.spark(),
        config.settings());
  }
}
