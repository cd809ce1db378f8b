package dev.recall.model;

import dev.recall.datagen.SequenceBatch;

/**
 * Computes loss and gradient of a regressor on one batch.
 *
 * <p>An engine owns its buffers and serves one thread at a time. The result is a pure function of
 * its arguments: the same bits on every machine.
 */
public interface GradientEngine {

  /**
   * Adds loss, weight and gradient of one batch to a sum.
   *
   * @param parameters flat parameters in the order of the model's layout; read only
   * @param batch time-major batch with loss weights; read only
   * @param sum receives the gradient of sum(w e^2) with respect to the parameters, sum(w e^2) and
   *     sum(w)
   * @throws IllegalArgumentException when a shape does not fit the model, naming both
   */
  void lossAndGradient(float[] parameters, SequenceBatch batch, GradientSum sum);
}
