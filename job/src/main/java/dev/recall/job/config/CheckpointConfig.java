package dev.recall.job.config;

/**
 * When checkpoints are written and how many stay.
 *
 * @param everyRounds at least 1
 * @param keep the newest that stay, at least 1
 * @param keepEveryRounds those of its multiples stay too; 0: none but the first
 * @param onFailure what happens when one cannot be written
 * @param background whether rounds go on while one is written
 */
public record CheckpointConfig(
    int everyRounds, int keep, int keepEveryRounds, OnFailure onFailure, boolean background) {

  /** What happens when a checkpoint cannot be written. */
  public enum OnFailure {
    /** The run ends. */
    STOP,
    /** The run goes on, and writes it all with the next one. */
    GO_ON
  }
}
