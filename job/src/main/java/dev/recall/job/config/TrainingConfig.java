package dev.recall.job.config;

import dev.recall.model.dl4j.Dl4jModule;
import dev.recall.model.optim.Optimizer;
import java.util.List;

/**
 * How a round is computed and applied.
 *
 * @param engine takes the gradients
 * @param shards logical shards per round, at least 1
 * @param localSteps optimizer steps per shard and round, at least 1; with {@code auto} the default,
 *     which together with the rounds of the run is the budget
 * @param autoLocalSteps whether the number is still to be chosen
 * @param optimizer the driver's
 * @param localOptimizer the shards' own; used when localSteps is above 1
 * @param notFinite what is done about a round that is not finite
 * @param strategy what makes of the batches the parameters after a round
 */
public record TrainingConfig(
    EngineKind engine,
    int shards,
    int localSteps,
    boolean autoLocalSteps,
    Optimizer optimizer,
    Optimizer localOptimizer,
    NotFiniteConfig notFinite,
    Strategy strategy) {

  /**
   * Says what takes the gradients.
   *
   * @return a clause for the log
   */
  public String kernel() {
    return strategy == Strategy.ROUNDS
        ? engine.description()
        : "networks of Deeplearning4j, with bits that depend on its natives and the CPU";
  }

  /**
   * Lists the modules of others that the bits rest on.
   *
   * @return those of Deeplearning4j where it trains, else none
   */
  public List<Dl4jModule> libraries() {
    if (strategy == Strategy.DL4J_PARAMETER_AVERAGING) {
      return List.of(Dl4jModule.values());
    }
    return engine == EngineKind.DL4J ? List.of(Dl4jModule.NETWORKS, Dl4jModule.ARRAYS) : List.of();
  }
}
