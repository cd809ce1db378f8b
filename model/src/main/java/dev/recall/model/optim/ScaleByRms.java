package dev.recall.model.optim;

import dev.recall.model.ParameterLayout;
import java.util.List;

/**
 * Divides by a running root mean square of the gradient.
 *
 * <pre>
 * m1 = decay m1 + (1 - decay) g          only when centred, else 0
 * m2 = decay m2 + (1 - decay) g^2
 * g / sqrt(m2 - m1^2 + epsilon)          epsilon inside the root: theanets, downhill/adaptive.py
 * g / (sqrt(m2 - m1^2) + epsilon)        outside: PyTorch, Tieleman and Hinton (2012), lecture 6.5
 * </pre>
 *
 * Both means start at 0 without correction. In float32 the variance m2 - m1^2 of a gradient that
 * hardly changes can round below 0; it is then taken as 0.
 *
 * @param decay weight of the past, in [0, 1)
 * @param epsilon keeps the divisor above 0, above 0 itself
 * @param centred whether the mean is subtracted
 * @param epsilonInside whether epsilon stands inside the root
 */
public record ScaleByRms(double decay, double epsilon, boolean centred, boolean epsilonInside)
    implements GradientTransform {

  /**
   * Checks the numbers.
   *
   * @param decay as above
   * @param epsilon as above
   * @param centred as above
   * @param epsilonInside as above
   */
  public ScaleByRms {
    if (!(decay >= 0 && decay < 1)) {
      throw new IllegalArgumentException("decay: expected a number in [0, 1), found " + decay);
    }
    if (!(epsilon > 0 && epsilon < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException("epsilon: expected a number above 0, found " + epsilon);
    }
  }

  /**
   * The seed's RMSProp: centred, epsilon inside the root, decay given by a half-life.
   *
   * @param halfLife number of steps after which a gradient counts half, above 0; 14 in downhill
   * @param epsilon inside the root, above 0; 1e-8 in downhill
   * @return the stage
   */
  public static ScaleByRms theanets(double halfLife, double epsilon) {
    return new ScaleByRms(decayOfHalfLife(halfLife), epsilon, true, true);
  }

  /**
   * Converts a half-life into a decay, exp(-ln 2 / halfLife).
   *
   * @param halfLife in steps, above 0
   * @return decay per step
   */
  public static double decayOfHalfLife(double halfLife) {
    if (!(halfLife > 0 && halfLife < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException("half-life: expected a number above 0, found " + halfLife);
    }
    return StrictMath.exp(-StrictMath.log(2) / halfLife);
  }

  @Override
  public List<String> slots() {
    return centred ? List.of("mean", "mean_square") : List.of("mean_square");
  }

  @Override
  public void apply(float[] update, float[][] state, ParameterLayout layout, double time) {
    float[] square = state[state.length - 1];
    float keep = (float) decay;
    float take = (float) (1 - decay);
    float eps = (float) epsilon;
    for (int i = 0; i < update.length; i++) {
      float g = update[i];
      square[i] = keep * square[i] + take * g * g;
      float variance = square[i];
      if (centred) {
        float mean = keep * state[0][i] + take * g;
        state[0][i] = mean;
        variance = Math.max(0f, variance - mean * mean);
      }
      float divisor =
          epsilonInside ? (float) Math.sqrt(variance + eps) : (float) Math.sqrt(variance) + eps;
      update[i] = g / divisor;
    }
  }
}
