package dev.recall.job.config;

/**
 * When and on what to validate.
 *
 * @param everyRounds 0: never
 * @param batches batches per validation, at least 1
 * @param fresh whether each validation draws new batches
 */
public record ValidationConfig(int everyRounds, int batches, boolean fresh) {}
