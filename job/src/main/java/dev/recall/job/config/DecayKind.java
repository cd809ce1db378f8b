package dev.recall.job.config;

/** Ways in which a learning rate falls, by the names that the configuration uses. */
enum DecayKind {
  CONSTANT,
  COSINE,
  STEP
}
