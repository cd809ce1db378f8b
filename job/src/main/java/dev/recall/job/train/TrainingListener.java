package dev.recall.job.train;

import java.io.IOException;

/** Is told of a run as it goes on. Called on the training thread, between rounds. */
public interface TrainingListener {

  /**
   * After each round that is done, its update applied or left out.
   *
   * @param report what happened
   * @throws IOException when the listener cannot write what it should
   */
  void roundDone(RoundReport report) throws IOException;

  /**
   * When a line is added to the run's hash chain: for each round before {@link #roundDone}, and for
   * each rejection after {@link #rejected}.
   *
   * @param line the new head of the chain
   * @throws IOException when the listener cannot write what it should
   */
  default void chained(ChainLine line) throws IOException {}

  /**
   * When a round was not finite and training goes on all the same.
   *
   * @param rejection what happened
   * @param target where training goes on; rounds after it never were
   * @throws IOException when the listener cannot write what it should
   */
  default void rejected(Rejection rejection, Snapshot target) throws IOException {}

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
