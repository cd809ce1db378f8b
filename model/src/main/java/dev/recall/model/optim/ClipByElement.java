package dev.recall.model.optim;

import dev.recall.model.ParameterLayout;
import java.util.List;

/**
 * Limits each entry to [-limit, limit]; theanets' {@code max_gradient_elem}. NaN stays NaN.
 *
 * @param limit above 0
 */
public record ClipByElement(double limit) implements GradientTransform {

  /**
   * Checks the number.
   *
   * @param limit as above
   */
  public ClipByElement {
    if (!(limit > 0)) {
      throw new IllegalArgumentException("clip by element: expected above 0, found " + limit);
    }
  }

  @Override
  public List<String> slots() {
    return List.of();
  }

  @Override
  public void apply(float[] update, float[][] state, ParameterLayout layout, double time) {
    float bound = (float) limit;
    for (int i = 0; i < update.length; i++) {
      update[i] = Math.max(-bound, Math.min(bound, update[i]));
    }
  }
}
