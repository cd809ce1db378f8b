package dev.recall.job.config;

/**
 * When training ends: at the first of these.
 *
 * @param rounds at least 1
 * @param seconds wall clock; 0: no limit
 * @param targetLoss validation loss; 0: none
 * @param targetRecallMse recall mean squared error on the validation batches; 0: none
 * @param patience validations without improvement; 0: never
 * @param minImprovement share of the best loss, in [0, 1)
 */
public record StopConfig(
    int rounds,
    double seconds,
    double targetLoss,
    double targetRecallMse,
    int patience,
    double minImprovement) {}
