package dev.recall.job.train;

import dev.recall.model.GradientSum;

/**
 * The merged contributions of all shards of a round.
 *
 * @param sum vector, loss and weight; see {@link ShardPass} for the vector
 * @param busyNanos time that shards spent on data and gradients, summed over tasks
 */
public record RoundSum(GradientSum sum, long busyNanos) {}
