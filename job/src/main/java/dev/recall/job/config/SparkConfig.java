package dev.recall.job.config;

/**
 * What is asked of Spark; nothing of it changes a result.
 *
 * @param tasks tasks per round; 0: they follow the executors
 * @param minExecutors executors that must be there before the first round
 * @param merge where the sums of a round's tasks become one
 */
public record SparkConfig(int tasks, int minExecutors, MergeOn merge) {

  /** Where sums are merged. */
  public enum MergeOn {
    /** By the number of tasks and the size of their vectors. */
    AUTO,
    /** The driver gets the vectors of all tasks. */
    DRIVER,
    /** Executors exchange slices of the vectors; the driver gets their sum. */
    EXECUTORS
  }
}
