package dev.recall.datagen;

import java.io.Serializable;

/**
 * A sequence regression task: a shape, a rule that fills batches of it, and the lowest loss.
 *
 * <p>Implementations are immutable, and {@link #generate} is a pure function of the key.
 */
public interface SequenceTask extends Serializable {

  /**
   * Time steps.
   *
   * @return T, at least 1
   */
  int steps();

  /**
   * Sequences per batch.
   *
   * @return B, at least 1
   */
  int batchSize();

  /**
   * Values per input step.
   *
   * @return at least 1
   */
  int inputSize();

  /**
   * Values per target step.
   *
   * @return at least 1
   */
  int targetSize();

  /**
   * The number of last steps whose targets are a function of the inputs. The recall mean squared
   * error is taken there.
   *
   * @return in [1, T]
   */
  int recallSteps();

  /**
   * The lowest reachable expectation of the loss {@code sum(w (y - target)^2) / sum(w)} by a
   * predictor that sees the inputs up to each step.
   *
   * @return the floor of the loss
   */
  double bayesLoss();

  /**
   * Overwrites every element of a batch.
   *
   * @param key address of the batch
   * @param batch written; its shape is the task's
   * @throws IllegalArgumentException if the batch has another shape
   */
  void generate(BatchKey key, SequenceBatch batch);

  /**
   * Predicts as well as can be done by someone who knows the rule and has seen the inputs up to
   * each step. The weighted mean squared error of this prediction is the floor of the loss on the
   * very sequences of the batch; {@link #bayesLoss} is its expectation.
   *
   * @param batch a batch of this task's sizes; steps and sequences may be others
   * @param predictions [T, B, targetSize], overwritten
   */
  void bestPrediction(SequenceBatch batch, float[] predictions);

  /**
   * Allocates a batch of this task's shape.
   *
   * @return a batch of zeros
   */
  default SequenceBatch newBatch() {
    return new SequenceBatch(steps(), batchSize(), inputSize(), targetSize());
  }
}
