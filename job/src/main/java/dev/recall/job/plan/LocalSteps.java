package dev.recall.job.plan;

import java.util.function.IntToLongFunction;

/** Chooses the local steps of a run so that its rounds are mostly work. */
public final class LocalSteps {

  /** The share of a round that is to be work. */
  public static final double USEFUL_SHARE = 0.9;

  /** More than this are not chosen: shards drift apart, and a run has too few exchanges. */
  public static final int MOST = 512;

  /** Fewer than this are not chosen: the driver's rate is one for displacements of many steps. */
  public static final int FEWEST = 16;

  private LocalSteps() {}

  /**
   * Chooses the smallest power of two from {@link #FEWEST} on whose useful share is {@link
   * #USEFUL_SHARE} or more.
   *
   * @param costs unit costs
   * @param work rounds and local steps whose product is the run's budget
   * @param cores where it runs
   * @param vectorBytes bytes that go to and fro with so many local steps
   * @return the workload with its local steps, and rounds for as many gradients; {@link #MOST}
   *     local steps when none is enough, and never more than the budget has
   */
  public static Workload choose(
      UnitCosts costs, Workload work, Cores cores, IntToLongFunction vectorBytes) {
    long budget = (long) work.rounds() * work.localSteps();
    int steps = (int) Math.min(FEWEST, Long.highestOneBit(budget));
    while (true) {
      Workload candidate = work.withLocalSteps(steps, vectorBytes.applyAsLong(steps));
      boolean last = steps >= MOST || 2L * steps > budget;
      if (last || RoundEstimate.of(costs, candidate, cores).usefulShare() >= USEFUL_SHARE) {
        return candidate;
      }
      steps *= 2;
    }
  }
}
