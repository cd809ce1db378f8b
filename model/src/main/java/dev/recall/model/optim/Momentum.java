package dev.recall.model.optim;

import dev.recall.model.ParameterLayout;
import java.util.List;

/**
 * Adds a decaying sum of past updates, as downhill does (base.py), with u the update so far:
 *
 * <pre>
 * plain     v = mu v + u                    update = v
 * Nesterov  v = mu^2 v + (1 + mu) u         update = v
 * </pre>
 *
 * It stands behind the learning rate, so a rate that falls leaves the velocity as it was.
 *
 * @param mu share of the velocity that is kept, in [0, 1)
 * @param nesterov whether the second form is used
 */
public record Momentum(double mu, boolean nesterov) implements GradientTransform {

  /**
   * Checks the number.
   *
   * @param mu as above
   * @param nesterov as above
   */
  public Momentum {
    if (!(mu >= 0 && mu < 1)) {
      throw new IllegalArgumentException("momentum: expected a number in [0, 1), found " + mu);
    }
  }

  @Override
  public List<String> slots() {
    return List.of("velocity");
  }

  @Override
  public void apply(float[] update, float[][] state, ParameterLayout layout, double time) {
    float[] velocity = state[0];
    float keep = (float) (nesterov ? mu * mu : mu);
    float take = (float) (nesterov ? 1 + mu : 1);
    for (int i = 0; i < update.length; i++) {
      velocity[i] = keep * velocity[i] + take * update[i];
      update[i] = velocity[i];
    }
  }
}
