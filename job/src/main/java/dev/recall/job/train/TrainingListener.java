package dev.recall.job.train;

import java.io.IOException;

/** Is told of a run as it goes on. Called on the training thread, between rounds. */
public interface TrainingListener {

  /**
   * After the update of each round.
   *
   * @param report what happened
   * @throws IOException when the listener cannot write what it should
   */
  void roundDone(RoundReport report) throws IOException;

  /**
   * When the state should be saved: every so many rounds and at the end.
   *
   * @param state to be read, not kept
   * @throws IOException when it cannot be saved
   */
  default void checkpoint(TrainingState state) throws IOException {}

  /**
   * After the last round and its checkpoint.
   *
   * @param outcome how training ended
   */
  default void finished(TrainingOutcome outcome) {}
}
