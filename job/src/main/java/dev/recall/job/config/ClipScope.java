package dev.recall.job.config;

/** What a gradient's norm is taken of. */
enum ClipScope {
  BLOCK,
  ALL
}
