package dev.recall.job.train;

import dev.recall.model.Evaluation;
import java.util.Optional;

/**
 * What happened in one round.
 *
 * @param round rounds done, this one included
 * @param trainingLoss weighted mean squared error on the round's batches, before each update
 * @param gradientNorm Euclidean length of the mean gradient, or of the mean displacement with local
 *     steps
 * @param examples sequences trained on since round 0
 * @param seconds wall clock since this process began to train
 * @param validation figures on held-out batches, in rounds that validate
 */
public record RoundReport(
    int round,
    double trainingLoss,
    double gradientNorm,
    long examples,
    double seconds,
    Optional<Evaluation> validation) {}
