package dev.recall.job.train;

/**
 * Runs the shards of a round somewhere and merges their sums. Every runner that leaves the update
 * to the driver gives the same bits.
 */
public interface RoundRunner extends AutoCloseable {

  /**
   * Runs one round.
   *
   * @param round round number from 0
   * @param parameters [parameters], read only
   * @param localState [slots][parameters], read only
   * @return the merged sum
   */
  RoundSum run(int round, float[] parameters, float[][] localState);

  /**
   * Tells what the sum of a round is: what the driver's optimizer takes, or, of a runner that has
   * an update of its own, the parameters and the local optimizer's state after the round.
   *
   * @return true for the latter
   */
  default boolean updates() {
    return false;
  }

  /**
   * Changes what the shards do in the rounds to come.
   *
   * @param plan differs from the one before in its learning rates only
   */
  void use(ShardPlan plan);

  /**
   * Says how far the running round is, for somebody who waits for it. Any thread may ask.
   *
   * @return a clause
   */
  default String standing() {
    return parallelism() + " tasks at a time";
  }

  /**
   * Returns how many tasks can run at the same time.
   *
   * @return at least 1
   */
  int parallelism();

  @Override
  void close();
}
