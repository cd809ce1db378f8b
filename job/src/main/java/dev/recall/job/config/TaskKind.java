package dev.recall.job.config;

/** Tasks by the names that the configuration uses. */
enum TaskKind {
  MEMORY,
  ADDING
}
