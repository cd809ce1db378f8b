package dev.recall.job.train;

import dev.recall.model.GradientSum;
import java.util.List;
import java.util.OptionalInt;

/**
 * The merged contributions of all shards of a round.
 *
 * @param sum vector, loss and weight; see {@link ShardPass} for the vector
 * @param busyNanos time that shards spent on data and gradients, summed over tasks; below 0: not
 *     known
 * @param shardNotFinite the first shard whose sum is not finite, if any
 * @param shardDigests {@link GradientDigest} of each shard's contribution, in their order; none
 *     where contributions are not seen
 */
public record RoundSum(
    GradientSum sum, long busyNanos, OptionalInt shardNotFinite, List<String> shardDigests) {}
