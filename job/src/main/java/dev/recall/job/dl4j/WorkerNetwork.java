package dev.recall.job.dl4j;

import dev.recall.job.train.ShardPlan;
import dev.recall.model.dl4j.Dl4jModel;
import dev.recall.model.optim.ClipByElement;
import dev.recall.model.optim.ClipByNorm;
import dev.recall.model.optim.GradientTransform;
import dev.recall.model.optim.LearningRate;
import dev.recall.model.optim.ScaleByLearningRate;
import dev.recall.model.optim.ScaleByRms;
import org.deeplearning4j.nn.conf.GradientNormalization;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.BaseLayer;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.RmsProp;
import org.nd4j.linalg.learning.config.Sgd;

/**
 * The network of a run's workers, whose updater does what the local optimizer would.
 *
 * <p>Deeplearning4j's gradient is that of the squared errors' sum over steps, ours that of their
 * mean: theirs is S times ours, S being {@link ShardPlan#countedSteps}. A step that scales by a
 * root mean square does not change with S but for epsilon, so
 *
 * <pre>
 * RMSProp       s = d s + (1 - d) g^2;  p -= lr g / (sqrt(s) + epsilon)      lr, S epsilon
 * SGD           p -= lr g                                                     lr / S
 * clipping      before both, of the gradient                                  S times the limit
 * </pre>
 *
 * One difference is left: Deeplearning4j's s begins at its epsilon instead of 0.
 */
final class WorkerNetwork {

  private WorkerNetwork() {}

  /**
   * Describes the network.
   *
   * @throws IllegalArgumentException when a stage of the local optimizer has no counterpart
   */
  static MultiLayerConfiguration of(ShardPlan plan) {
    double scale = plan.countedSteps();
    MultiLayerConfiguration network = Dl4jModel.configuration(plan.model(), updater(plan, scale));
    for (GradientTransform stage : plan.localOptimizer().stages()) {
      if (stage instanceof ClipByNorm clip && clip.perBlock()) {
        clip(network, GradientNormalization.ClipL2PerParamType, clip.limit() * scale);
      } else if (stage instanceof ClipByElement clip) {
        clip(network, GradientNormalization.ClipElementWiseAbsoluteValue, clip.limit() * scale);
      } else if (!(stage instanceof ScaleByLearningRate) && !isPlainRms(stage)) {
        throw new IllegalArgumentException("no counterpart in Deeplearning4j: " + stage);
      }
    }
    return network;
  }

  private static boolean isPlainRms(GradientTransform stage) {
    return stage instanceof ScaleByRms rms && !rms.centred() && !rms.epsilonInside();
  }

  private static void clip(
      MultiLayerConfiguration network, GradientNormalization how, double limit) {
    for (NeuralNetConfiguration conf : network.getConfs()) {
      BaseLayer layer = (BaseLayer) conf.getLayer();
      layer.setGradientNormalization(how);
      layer.setGradientNormalizationThreshold(limit);
    }
  }

  private static IUpdater updater(ShardPlan plan, double scale) {
    IUpdater updater = new Sgd();
    LearningRate rate = LearningRate.constant(0);
    for (GradientTransform stage : plan.localOptimizer().stages()) {
      if (stage instanceof ScaleByRms rms) {
        updater = new RmsProp(0, rms.decay(), rms.epsilon() * scale);
      } else if (stage instanceof ScaleByLearningRate scaling) {
        rate = scaling.rate();
      }
    }
    double base = updater instanceof Sgd ? rate.base() / scale : rate.base();
    LearningRate theirs = new LearningRate(base, rate.warmUpRounds(), rate.decay());
    updater.setLrAndSchedule(base, new RateSchedule(theirs, plan.localSteps()));
    return updater;
  }
}
