package dev.recall.job.config;

/** Initialisations by the names that the configuration uses. */
enum InitializerKind {
  GLOROT,
  THEANETS
}
