package dev.recall.job.plan;

import dev.recall.job.config.RunConfig;
import dev.recall.job.train.ShardPlan;
import java.util.List;
import java.util.Locale;

/**
 * The local steps that were chosen for a run, and why.
 *
 * @param costs measured
 * @param budget rounds and local steps that were configured
 * @param chosen rounds and local steps of the run
 * @param estimate of the chosen
 * @param where the master, or threads
 */
public record Decision(
    UnitCosts costs, Workload budget, Workload chosen, RoundEstimate estimate, String where) {

  /**
   * Chooses.
   *
   * @param config the run's, with the budget's local steps
   * @param costs unit costs
   * @param cores where it runs
   * @param where the master, or threads
   * @return the decision
   */
  public static Decision of(RunConfig config, UnitCosts costs, Cores cores, String where) {
    Workload budget = Workload.of(config);
    ShardPlan plan = ShardPlan.of(config);
    Workload chosen =
        LocalSteps.choose(costs, budget, cores, steps -> plan.withLocalSteps(steps).vectorBytes());
    return new Decision(costs, budget, chosen, RoundEstimate.of(costs, chosen, cores), where);
  }

  /**
   * Returns the settings that make it so.
   *
   * @return {@code key=value} each
   */
  public List<String> assignments() {
    return assignments(chosen.localSteps(), chosen.rounds());
  }

  /**
   * Returns the settings that a decision is made of.
   *
   * @param localSteps per shard and round
   * @param rounds of the run
   * @return {@code key=value} each
   */
  public static List<String> assignments(int localSteps, int rounds) {
    return List.of("training.local-steps=" + localSteps, "stop.rounds=" + rounds);
  }

  /**
   * Says what was chosen and from what figures.
   *
   * @return two lines
   */
  public List<String> lines() {
    return List.of(
        String.format(
            Locale.ROOT,
            "training.local-steps = auto: %d, with %d rounds for the gradients of %d rounds of %d;"
                + " predicted useful share %.0f%%",
            chosen.localSteps(),
            chosen.rounds(),
            budget.rounds(),
            budget.localSteps(),
            100 * estimate.usefulShare()),
        String.format(
            Locale.ROOT,
            "calibration, %s, us: batch %.1f, gradient %.1f, local step %.1f, merge %.1f, update"
                + " %.1f, empty round %.0f + %.0f per task",
            where,
            1e6 * costs.batch(),
            1e6 * costs.gradient(),
            1e6 * costs.localStep(),
            1e6 * costs.merge(),
            1e6 * costs.update(),
            1e6 * costs.emptyRound().seconds(),
            1e6 * costs.emptyRound().secondsPerTask()));
  }
}
