package dev.recall.model.optim;

import dev.recall.model.ParameterLayout;
import java.util.List;

/**
 * Nesterov's momentum as PyTorch's SGD has it (Sutskever et al., 2013), with u the update so far:
 *
 * <pre>
 * v = mu v + u                    update = u + mu v
 * </pre>
 *
 * <p>It is the outer update of DiLoCo (Douillard et al., 2023). An update u takes part with the
 * factors 1 + mu, mu^2, mu^3, ..., in downhill's form, {@link Momentum}, with 1 + mu, mu^2 (1 +
 * mu), mu^4 (1 + mu), ...: both sum to 1 / (1 - mu). PyTorch multiplies by the learning rate
 * afterwards; here the stage stands behind it, so a rate that falls leaves the velocity as it was.
 *
 * @param mu share of the velocity that is kept, in [0, 1)
 */
public record NesterovMomentum(double mu) implements GradientTransform {

  /**
   * Checks the number.
   *
   * @param mu as above
   */
  public NesterovMomentum {
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
    float keep = (float) mu;
    for (int i = 0; i < update.length; i++) {
      velocity[i] = keep * velocity[i] + update[i];
      update[i] += keep * velocity[i];
    }
  }
}
