package dev.recall.job.config;

/**
 * What is asked of Spark; nothing of it changes a result.
 *
 * @param tasks tasks per round; 0: Spark's default parallelism
 * @param minExecutors executors that must be there before the first round
 */
public record SparkConfig(int tasks, int minExecutors) {}
