package dev.recall.job.config;

/**
 * How long anything is waited for.
 *
 * @param clusterSeconds for Spark to start, at least 1
 * @param executorsSeconds for the executors that must be there, at least 1
 * @param roundSeconds for the shards of a round, at least 1
 * @param storageSeconds for an operation on files, at least 1
 */
public record WaitConfig(
    int clusterSeconds, int executorsSeconds, int roundSeconds, int storageSeconds) {}
