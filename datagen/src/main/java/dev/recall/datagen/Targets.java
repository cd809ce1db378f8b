package dev.recall.datagen;

/** Which steps of the memory task count in the loss. */
public enum Targets {
  /** Every step: weight 1 everywhere. */
  ALL,
  /** The recall steps: weight 1 in the last K steps, 0 before. */
  RECALL
}
