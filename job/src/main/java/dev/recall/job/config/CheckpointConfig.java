package dev.recall.job.config;

/**
 * When checkpoints are written and how many stay.
 *
 * @param everyRounds at least 1
 * @param keep at least 1
 */
public record CheckpointConfig(int everyRounds, int keep) {}
