package dev.recall.job.plan;

/**
 * What a round and a run will take, once the JVM has compiled their code.
 *
 * <p>A round lasts as long as its busiest core works, and an empty round, what the driver adds and
 * updates, the validation's part and the bytes' way beside that. Checkpoints and start-up are not
 * in it.
 *
 * @param tasks tasks per round
 * @param busySeconds work of all shards of a round on data, gradients and local steps
 * @param workSeconds work of the busiest core
 * @param emptySeconds an empty round of as many tasks
 * @param driverSeconds merge, update and validation
 * @param bytes that the driver sends and receives in a round; 0 without executors
 * @param transferSeconds what they take
 * @param roundSeconds all together
 * @param examplesPerSecond sequences
 * @param runSeconds all rounds
 * @param usefulShare share of the round, over all tasks that run at once, that shards work
 */
public record RoundEstimate(
    int tasks,
    double busySeconds,
    double workSeconds,
    double emptySeconds,
    double driverSeconds,
    long bytes,
    double transferSeconds,
    double roundSeconds,
    double examplesPerSecond,
    double runSeconds,
    double usefulShare) {

  /** A prediction, next to forward and backward. */
  private static final double PREDICTION = 0.5;

  /**
   * Estimates.
   *
   * @param costs unit costs
   * @param work what is to be done
   * @param cores where
   * @return the estimate
   */
  public static RoundEstimate of(UnitCosts costs, Workload work, Cores cores) {
    int tasks = work.tasks(cores);
    int atOnce = Math.min(tasks, cores.total());
    int waves = ceil(tasks, atOnce);
    int busiest = Math.min(work.shards(), waves * ceil(work.shards(), tasks));
    double step = costs.batch() + costs.gradient();
    if (work.localSteps() > 1) {
      step += costs.localStep();
    }
    double shard = work.localSteps() * step;
    double busy = work.shards() * shard;
    double slowest = busiest * shard;
    double empty = costs.emptyRound().of(tasks);
    double driver = costs.update() + tasks * costs.merge();
    if (work.validationEveryRounds() > 0) {
      double validation = costs.batch() + PREDICTION * costs.gradient();
      driver += work.validationBatches() * validation / work.validationEveryRounds();
    }
    // Each executor gets the vectors once, each task sends its sum.
    long bytes = cores.executors() == 0 ? 0 : work.vectorBytes() * (cores.executors() + tasks);
    double transfer = bytes / cores.bytesPerSecond();
    double round = slowest + empty + driver + transfer;
    double examples = (double) work.shards() * work.localSteps() * work.batchSize();
    return new RoundEstimate(
        tasks,
        busy,
        slowest,
        empty,
        driver,
        bytes,
        transfer,
        round,
        examples / round,
        work.rounds() * round,
        busy / atOnce / round);
  }

  private static int ceil(int a, int b) {
    return (a + b - 1) / b;
  }
}
