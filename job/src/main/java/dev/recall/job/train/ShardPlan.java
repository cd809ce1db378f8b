package dev.recall.job.train;

import dev.recall.datagen.BatchKey;
import dev.recall.datagen.Purpose;
import dev.recall.datagen.SequenceBatch;
import dev.recall.datagen.SequenceTask;
import dev.recall.job.config.EngineKind;
import dev.recall.job.config.RunConfig;
import dev.recall.job.config.Strategy;
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
 * @param strategy who takes them
 */
public record ShardPlan(
    long seed,
    SequenceTask task,
    RegressorSpec model,
    int shards,
    int localSteps,
    Optimizer localOptimizer,
    EngineKind engine,
    Strategy strategy)
    implements Serializable {

  /**
   * A plan for this project's engine and rounds.
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
    this(seed, task, model, shards, localSteps, localOptimizer, EngineKind.FUSED, Strategy.ROUNDS);
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
        config.training().engine(),
        config.training().strategy());
  }

  /**
   * Returns this plan with another number of local steps.
   *
   * @param steps at least 1
   * @return the plan
   */
  public ShardPlan withLocalSteps(int steps) {
    return new ShardPlan(seed, task, model, shards, steps, localOptimizer, engine, strategy);
  }

  /**
   * Returns this plan with other learning rates.
   *
   * @param factor on all of them
   * @return the plan
   */
  public ShardPlan withRateTimes(double factor) {
    return new ShardPlan(
        seed,
        task,
        model,
        shards,
        localSteps,
        localOptimizer.withRateTimes(factor),
        engine,
        strategy);
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
   * @return the local optimizer's slots, or none without local steps; those of Deeplearning4j are
   *     others
   */
  public List<String> localSlotNames() {
    if (strategy == Strategy.DL4J_PARAMETER_AVERAGING) { // of another scale
      return localOptimizer.slots().stream().map(slot -> "dl4j_" + slot).toList();
    }
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
   * Returns how many steps of a sequence count in the loss, by their weights. Deeplearning4j sums
   * over these where this project takes the mean.
   *
   * @return sum of the weights of a batch / (sequences x outputs)
   */
  public double countedSteps() {
    SequenceBatch batch = task.newBatch();
    task.generate(new BatchKey(seed, Purpose.TRAINING, 0, 0, 0), batch);
    double weight = 0;
    for (float w : batch.weights()) {
      weight += w;
    }
    return weight / batch.batchSize() / batch.targetSize();
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
