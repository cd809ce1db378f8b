package dev.recall.model.optim;

import dev.recall.model.ParameterLayout;
import java.io.Serializable;
import java.util.List;

/**
 * One stage of an {@link Optimizer}: turns a gradient into an update, step by step along the chain.
 * Immutable; what it remembers lies in state vectors that the caller keeps.
 */
public interface GradientTransform extends Serializable {

  /**
   * Names the state vectors, each as long as the parameters and zero at the start.
   *
   * @return names without the chain's prefix, empty for a stage without memory
   */
  List<String> slots();

  /**
   * Returns this stage with another learning rate.
   *
   * @param factor on the rate
   * @return this where there is none
   */
  default GradientTransform withRateTimes(double factor) {
    return this;
  }

  /**
   * Transforms an update in place.
   *
   * @param update [parameters], the gradient or what the stage before made of it
   * @param state one vector [parameters] per slot; read and written
   * @param layout blocks of the parameters, for stages that work block by block
   * @param time the moment on the schedule, in rounds; fractions are local steps
   */
  void apply(float[] update, float[][] state, ParameterLayout layout, double time);
}
