package dev.recall.model.optim;

import dev.recall.model.ParameterLayout;
import java.util.List;

/**
 * Multiplies by the learning rate of the moment.
 *
 * @param rate the rate over time
 */
public record ScaleByLearningRate(LearningRate rate) implements GradientTransform {

  @Override
  public List<String> slots() {
    return List.of();
  }

  @Override
  public GradientTransform withRateTimes(double factor) {
    return new ScaleByLearningRate(
        new LearningRate(rate.base() * factor, rate.warmUpRounds(), rate.decay()));
  }

  @Override
  public void apply(float[] update, float[][] state, ParameterLayout layout, double time) {
    float now = (float) rate.at(time);
    for (int i = 0; i < update.length; i++) {
      update[i] *= now;
    }
  }
}
