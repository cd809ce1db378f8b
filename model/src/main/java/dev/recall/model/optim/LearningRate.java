package dev.recall.model.optim;

import java.io.Serializable;

/**
 * A learning rate over time; time is counted in rounds, local steps being fractions of one.
 *
 * @param base the rate after warm-up and before decay, at least 0
 * @param warmUpRounds rounds over which the rate rises linearly to {@code base}, at least 0
 * @param decay how the rate falls
 */
public record LearningRate(double base, double warmUpRounds, Decay decay) implements Serializable {

  /**
   * Checks the numbers.
   *
   * @param base as above
   * @param warmUpRounds as above
   * @param decay as above
   */
  public LearningRate {
    if (!(base >= 0 && base < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException("learning rate: expected at least 0, found " + base);
    }
    if (!(warmUpRounds >= 0 && warmUpRounds < Double.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException("warm-up: expected at least 0, found " + warmUpRounds);
    }
  }

  /**
   * A rate that never changes.
   *
   * @param base the rate
   * @return the schedule
   */
  public static LearningRate constant(double base) {
    return new LearningRate(base, 0, new Constant());
  }

  /**
   * Returns the rate at a moment: {@code base * min(1, (time + 1) / warmUpRounds) * decay(time)}.
   * The first step of a warm-up already moves.
   *
   * @param time in rounds from 0
   * @return the rate
   */
  public double at(double time) {
    double warm = warmUpRounds > 0 ? Math.min(1, (time + 1) / warmUpRounds) : 1;
    return base * warm * decay.factor(time);
  }

  /** How a rate falls. */
  public interface Decay extends Serializable {

    /**
     * Returns the share of the base rate that is left.
     *
     * @param time in rounds from 0
     * @return a factor, usually in [0, 1]
     */
    double factor(double time);
  }

  /** No decay. */
  public record Constant() implements Decay {
    @Override
    public double factor(double time) {
      return 1;
    }
  }

  /**
   * Half a cosine wave from 1 down to a final factor (Loshchilov and Hutter, 2017, equation 5), and
   * the final factor from then on.
   *
   * @param rounds length of the wave, above 0
   * @param finalFactor in [0, 1]
   */
  public record Cosine(double rounds, double finalFactor) implements Decay {

    /**
     * Checks the numbers.
     *
     * @param rounds as above
     * @param finalFactor as above
     */
    public Cosine {
      if (!(rounds > 0)) {
        throw new IllegalArgumentException("cosine rounds: expected above 0, found " + rounds);
      }
      if (!(finalFactor >= 0 && finalFactor <= 1)) {
        throw new IllegalArgumentException(
            "cosine final factor: expected a number in [0, 1], found " + finalFactor);
      }
    }

    @Override
    public double factor(double time) {
      double share = Math.min(1, time / rounds);
      return finalFactor + (1 - finalFactor) * 0.5 * (1 + StrictMath.cos(Math.PI * share));
    }
  }

  /**
   * A drop by a factor every so many rounds.
   *
   * @param everyRounds above 0
   * @param dropFactor in (0, 1]
   */
  public record Step(double everyRounds, double dropFactor) implements Decay {

    /**
     * Checks the numbers.
     *
     * @param everyRounds as above
     * @param dropFactor as above
     */
    public Step {
      if (!(everyRounds > 0)) {
        throw new IllegalArgumentException("step rounds: expected above 0, found " + everyRounds);
      }
      if (!(dropFactor > 0 && dropFactor <= 1)) {
        throw new IllegalArgumentException(
            "step factor: expected a number in (0, 1], found " + dropFactor);
      }
    }

    @Override
    public double factor(double time) {
      return StrictMath.pow(dropFactor, Math.floor(time / everyRounds));
    }
  }
}
