package dev.recall.job.plan;

/**
 * What the pieces of a round take, in seconds on one core.
 *
 * @param batch generating a batch
 * @param gradient loss and gradient of a batch
 * @param localStep a step of the local optimizer
 * @param merge adding one vector that a task sent, on the driver
 * @param update the driver's optimizer and its checks, once a round
 * @param emptyRound a round without shards' work
 */
public record UnitCosts(
    double batch,
    double gradient,
    double localStep,
    double merge,
    double update,
    EmptyRound emptyRound) {

  /**
   * Returns the same costs with another empty round.
   *
   * @param other the empty round
   * @return the costs
   */
  public UnitCosts with(EmptyRound other) {
    return new UnitCosts(batch, gradient, localStep, merge, update, other);
  }
}
