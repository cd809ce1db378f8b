package dev.recall.job.plan;

import dev.recall.job.config.RunConfig;
import dev.recall.job.train.ShardPlan;

/**
 * The numbers of a configuration that decide what its rounds cost.
 *
 * @param shards shards per round
 * @param localSteps optimizer steps per shard and round
 * @param rounds rounds of the run
 * @param batchSize sequences per batch
 * @param vectorBytes parameters and local optimizer's state, as they go to and fro
 * @param tasks tasks per round; 0: as many as run at a time
 * @param validationEveryRounds rounds between validations; 0: none
 * @param validationBatches batches per validation
 */
public record Workload(
    int shards,
    int localSteps,
    int rounds,
    int batchSize,
    long vectorBytes,
    int tasks,
    int validationEveryRounds,
    int validationBatches) {

  /**
   * Takes the numbers out of a configuration.
   *
   * @param config the run's
   * @return its workload
   */
  public static Workload of(RunConfig config) {
    ShardPlan plan = ShardPlan.of(config);
    return new Workload(
        plan.shards(),
        plan.localSteps(),
        config.stop().rounds(),
        plan.task().batchSize(),
        plan.vectorBytes(),
        config.spark().tasks(),
        config.validation().everyRounds(),
        config.validation().batches());
  }

  /**
   * Returns the same gradients in rounds of other size.
   *
   * @param steps local steps per round
   * @param bytes of the vectors that go to and fro then
   * @return a workload of as many gradients, rounded up to whole rounds
   */
  public Workload withLocalSteps(int steps, long bytes) {
    long total = (long) rounds * localSteps;
    int count = (int) Math.min(Integer.MAX_VALUE, (total + steps - 1) / steps);
    return new Workload(
        shards, steps, count, batchSize, bytes, tasks, validationEveryRounds, validationBatches);
  }

  /**
   * Returns the tasks of a round.
   *
   * @param cores where it runs
   * @return at least 1, at most as many as shards
   */
  public int tasks(Cores cores) {
    return Math.min(shards, tasks > 0 ? tasks : cores.total());
  }
}
