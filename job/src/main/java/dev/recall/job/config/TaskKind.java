package dev.recall.job.config;

import dev.recall.datagen.AddingTask;
import dev.recall.datagen.MemoryTask;
import dev.recall.datagen.SequenceTask;
import dev.recall.datagen.Targets;

/** Tasks by the names that the configuration uses. */
enum TaskKind {
  MEMORY,
  ADDING;

  /** Builds the task from the settings under {@code task}; each kind takes those that it has. */
  SequenceTask task(int steps, int remember, int features, int batchSize, Targets targets) {
    return switch (this) {
      case MEMORY -> new MemoryTask(steps, remember, features, batchSize, targets);
      case ADDING -> new AddingTask(steps, batchSize);
    };
  }
}
