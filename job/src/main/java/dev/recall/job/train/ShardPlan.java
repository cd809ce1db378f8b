package dev.recall.job.train;

import dev.recall.datagen.SequenceTask;
import dev.recall.job.config.EngineKind;
import dev.recall.job.config.RunConfig;
import dev.recall.model.RegressorSpec;
import dev.recall.model.optim.Optimizer;
import java.io.Serializable;
import java.util.List;

/**
 * What a shard needs to know beside the parameters: the same for all rounds of a run.
 *
 * @param seed run seed
 * @param task makes the batches
 * @param model the network
 * @param shards shards per round
 * @param localSteps optimizer steps per shard and round; 1: only the gradient is taken
 * @param localOptimizer takes the local steps
 * @param engine takes the gradients
 */
public record ShardPlan(
    long seed,
    SequenceTask task,
    RegressorSpec model,
    int shards,
    int localSteps,
    Optimizer localOptimizer,
    EngineKind engine)
    implements Serializable {

  /**
   * A plan for the engine of this project.
   *
   * @param seed as above
   * @param task as above
   * @param model as above
   * @param shards as above
   * @param localSteps as above
   * @param localOptimizer as above
   */
  public ShardPlan(
      long seed,
      SequenceTask task,
      RegressorSpec model,
      int shards,
      int localSteps,
      Optimizer localOptimizer) {
    this(seed, task, model, shards, localSteps, localOptimizer, EngineKind.FUSED);
  }

  /**
   * Takes the plan out of a configuration.
   *
   * @param config the run's
   * @return the plan
   * @throws IllegalArgumentException when the number of local steps is still to be chosen
   */
  public static ShardPlan of(RunConfig config) {
    if (config.training().autoLocalSteps()) {
      throw new IllegalArgumentException(
          "training.local-steps: expected a number, found auto; `recall train` chooses one and"
              + " writes it into config.conf of the run");
    }
    return new ShardPlan(
        config.seed(),
        config.task(),
        config.model(),
        config.training().shards(),
        config.training().localSteps(),
        config.training().localOptimizer(),
        config.training().engine());
  }

  /**
   * Returns this plan with another number of local steps.
   *
   * @param steps at least 1
   * @return the plan
   */
  public ShardPlan withLocalSteps(int steps) {
    return new ShardPlan(seed, task, model, shards, steps, localOptimizer, engine);
  }

  /**
   * Returns this plan with other learning rates.
   *
   * @param factor on all of them
   * @return the plan
   */
  public ShardPlan withRateTimes(double factor) {
    return new ShardPlan(
        seed, task, model, shards, localSteps, localOptimizer.withRateTimes(factor), engine);
  }

  /**
   * Returns how many state vectors local steps carry from round to round.
   *
   * @return the local optimizer's slots, or 0 without local steps
   */
  public int localSlots() {
    return localSlotNames().size();
  }

  /**
   * Names them.
   *
   * @return the local optimizer's slots, or none without local steps
   */
  public List<String> localSlotNames() {
    return localSteps > 1 ? localOptimizer.slots() : List.of();
  }

  /**
   * Returns the number of sequences of one round.
   *
   * @return shards x local steps x batch size
   */
  public long examplesPerRound() {
    return (long) shards * localSteps * task.batchSize();
  }

  /**
   * Returns the size of what a round starts from: the parameters and the local optimizer's state.
   *
   * @return bytes
   */
  public long vectorBytes() {
    return 4L * model.layout().size() * (1 + localSlots());
  }
}
