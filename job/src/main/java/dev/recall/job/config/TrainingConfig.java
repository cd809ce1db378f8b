package dev.recall.job.config;

import dev.recall.model.optim.Optimizer;

/**
 * How a round is computed and applied.
 *
 * @param shards logical shards per round, at least 1
 * @param localSteps optimizer steps per shard and round, at least 1
 * @param optimizer the driver's
 * @param localOptimizer the shards' own; used when localSteps is above 1
 */
public record TrainingConfig(
    int shards, int localSteps, Optimizer optimizer, Optimizer localOptimizer) {}
