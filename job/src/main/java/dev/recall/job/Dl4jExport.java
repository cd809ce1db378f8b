package dev.recall.job;

import dev.recall.job.config.Strategy;
import dev.recall.job.train.ShardPlan;
import dev.recall.model.ParameterLayout;
import dev.recall.model.format.Dl4jNetwork;
import dev.recall.model.format.Dl4jNetwork.RmsProp;
import dev.recall.model.format.Dl4jZip;
import dev.recall.model.format.FormatException;
import dev.recall.model.format.ParameterTensors;
import dev.recall.model.format.TensorFile;
import dev.recall.model.optim.Optimizer;
import dev.recall.model.optim.ScaleByLearningRate;
import dev.recall.model.optim.ScaleByRms;
import java.util.Optional;

/** A model as Deeplearning4j goes on training it: with its RMSProp, where that is the same. */
final class Dl4jExport {

  private Dl4jExport() {}

  static byte[] encode(GivenModel model) {
    Dl4jNetwork bare = Dl4jNetwork.of(model.config().model(), model.parameters());
    return Dl4jZip.encode(
        rmsProp(model)
            .map(state -> Dl4jNetwork.of(bare.spec(), bare.parameters(), state))
            .orElse(bare));
  }

  /**
   * The state of what takes steps along gradients: with local steps the shards' mean state, else
   * the driver's. Best parameters are of an earlier round than any state; then there is none.
   */
  private static Optional<RmsProp> rmsProp(GivenModel model) {
    ShardPlan plan = ShardPlan.of(model.config());
    boolean theirs = plan.strategy() == Strategy.DL4J_PARAMETER_AVERAGING;
    boolean local = theirs || plan.localSteps() > 1;
    Optimizer optimizer = local ? plan.localOptimizer() : model.config().training().optimizer();
    if (model.hasBest()
        || optimizer.stages().size() != 2
        || !(optimizer.stages().get(0) instanceof ScaleByRms rms)
        || !(optimizer.stages().get(1) instanceof ScaleByLearningRate rate)
        || rms.centred()
        || rms.epsilonInside()) {
      return Optional.empty();
    }
    double now = rate.rate().at(model.rounds());
    double steps = plan.countedSteps();
    String slot = (local ? "local." : "") + (theirs ? "dl4j_" : "") + "mean_square.";
    return squares(model.tensors(), "optimizer." + slot, plan.model().layout())
        .map(
            squares ->
                theirs
                    ? new RmsProp(now, rms.decay(), rms.epsilon() * steps, squares)
                    : RmsProp.ofMean(now, rms.decay(), rms.epsilon(), squares, steps));
  }

  /** A file of parameters alone has none. */
  private static Optional<float[]> squares(TensorFile file, String prefix, ParameterLayout layout) {
    try {
      return Optional.of(ParameterTensors.read(file, prefix, layout));
    } catch (FormatException e) {
      return Optional.empty();
    }
  }
}
