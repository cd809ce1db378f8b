package dev.recall.model.format;

import dev.recall.model.RegressorSpec;
import java.util.Optional;

/**
 * What a zip of Deeplearning4j holds of a regressor.
 *
 * @param spec the layers
 * @param parameters [parameters] in the order of the spec's layout
 * @param updater the updater's name, for example {@code RmsProp}; {@code NoOp} for none
 * @param rmsProp its settings and state, when it is RMSProp, the same for all layers and with a
 *     fixed learning rate, and its state was saved
 */
public record Dl4jNetwork(
    RegressorSpec spec, float[] parameters, String updater, Optional<RmsProp> rmsProp) {

  /**
   * A network without updater.
   *
   * @param spec the layers
   * @param parameters [parameters] in the order of the spec's layout; kept
   * @return the network
   */
  public static Dl4jNetwork of(RegressorSpec spec, float[] parameters) {
    return new Dl4jNetwork(spec, parameters, "NoOp", Optional.empty());
  }

  /**
   * A network that goes on training with RMSProp.
   *
   * @param spec the layers
   * @param parameters [parameters] in the order of the spec's layout; kept
   * @param rmsProp its updater
   * @return the network
   */
  public static Dl4jNetwork of(RegressorSpec spec, float[] parameters, RmsProp rmsProp) {
    return new Dl4jNetwork(spec, parameters, "RmsProp", Optional.of(rmsProp));
  }

  /**
   * Deeplearning4j's RMSProp, {@code s = decay s + (1 - decay) g^2}, {@code p -= rate g / (sqrt(s)
   * + epsilon)}: {@link dev.recall.model.optim.ScaleByRms} not centred and with epsilon outside the
   * root. The centred RMSProp and momentum have no counterpart there.
   *
   * <p>Its g is the gradient of the squared error per sequence and output, summed over the steps;
   * ours is that of the mean. With K counted steps per sequence g is K times ours, so s is K^2
   * times ours and epsilon K times; the learning rate is the same.
   *
   * @param learningRate of a step
   * @param decay weight of the past, in [0, 1)
   * @param epsilon keeps the divisor above 0
   * @param meanSquare s, [parameters] in the order of the spec's layout
   */
  public record RmsProp(double learningRate, double decay, double epsilon, float[] meanSquare) {

    /**
     * Converts ours.
     *
     * @param learningRate of a step
     * @param decay weight of the past
     * @param epsilon outside the root
     * @param meanSquare ours, [parameters]; read only
     * @param countedSteps sum of the loss weights / (sequences x outputs) of a batch; the steps of
     *     a sequence when all weigh 1
     * @return Deeplearning4j's
     */
    public static RmsProp ofMean(
        double learningRate,
        double decay,
        double epsilon,
        float[] meanSquare,
        double countedSteps) {
      return new RmsProp(
          learningRate,
          decay,
          epsilon * countedSteps,
          scaled(meanSquare, countedSteps * countedSteps));
    }

    /**
     * Converts into ours; epsilon / countedSteps is ours then.
     *
     * @param countedSteps as in {@link #ofMean}
     * @return the mean square of the mean's gradient, [parameters], a new array
     */
    public float[] toMean(double countedSteps) {
      return scaled(meanSquare, 1 / (countedSteps * countedSteps));
    }

    private static float[] scaled(float[] values, double factor) {
      float[] scaled = new float[values.length];
      for (int i = 0; i < scaled.length; i++) {
        scaled[i] = (float) (values[i] * factor);
      }
      return scaled;
    }
  }
}
