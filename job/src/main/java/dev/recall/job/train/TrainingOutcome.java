package dev.recall.job.train;

/**
 * How training ended.
 *
 * @param reason which rule ended it
 * @param seconds wall clock of this process's training
 * @param usefulShare share of that time, over all tasks that could run at once, that shards spent
 *     on data and gradients; NaN when no round ran or it is not known
 */
public record TrainingOutcome(StopReason reason, double seconds, double usefulShare) {}
