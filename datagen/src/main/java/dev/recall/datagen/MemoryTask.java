package dev.recall.datagen;

import java.util.Arrays;
import java.util.Objects;

/**
 * The memory task: reproduce the first K inputs in the last K of T steps.
 *
 * <p>Inputs are N(0,1). The last K targets equal the first K inputs bit for bit; the other targets
 * are N(0,1) noise, independent of everything. Input and target have the same size.
 *
 * <p>Source: theanets documentation, "Remembering Network Inputs" (T=20, K=3, one feature, batch
 * 32, {@link Targets#ALL}). The weights are theanets' {@code weighted=True}.
 *
 * @param steps time steps T, at least 1
 * @param remember steps to reproduce K, in [1, T]
 * @param features values per step, at least 1
 * @param batchSize sequences per batch, at least 1
 * @param targets which steps count in the loss; the inputs and targets do not depend on it
 */
public record MemoryTask(int steps, int remember, int features, int batchSize, Targets targets)
    implements SequenceTask {

  /**
   * Checks the sizes.
   *
   * @param steps at least 1
   * @param remember in [1, T]
   * @param features at least 1
   * @param batchSize at least 1
   * @param targets not null
   * @throws IllegalArgumentException if a size is out of its range or a batch would exceed the
   *     largest array
   * @throws NullPointerException if targets is null
   */
  public MemoryTask {
    Checks.atLeast("steps", steps, 1);
    Checks.inRange("remember", remember, 1, steps);
    Checks.atLeast("features", features, 1);
    Checks.atLeast("batchSize", batchSize, 1);
    Objects.requireNonNull(targets, "targets");
    Checks.elements("inputs", steps, batchSize, features);
  }

  @Override
  public int inputSize() {
    return features;
  }

  @Override
  public int targetSize() {
    return features;
  }

  @Override
  public int recallSteps() {
    return remember;
  }

  /**
   * {@code (T-K)/T} for {@link Targets#ALL}, 0 for {@link Targets#RECALL}.
   *
   * <p>Target T-K+i is input i, which a causal predictor has seen, so the error of the last K steps
   * can be 0. The other T-K targets are independent of the inputs: their best prediction is their
   * mean 0, and its mean squared error is their variance 1. The mean over the T steps is (T-K)/T.
   */
  @Override
  public double bayesLoss() {
    return targets == Targets.ALL ? (double) (steps - remember) / steps : 0.0;
  }

  @Override
  public void generate(BatchKey key, SequenceBatch batch) {
    Checks.shape(this, batch);
    RandomStream stream = batch.stream(key);
    int row = batchSize * features;
    int noise = (steps - remember) * row;
    int recall = remember * row;
    stream.gaussians(batch.inputs(), 0, noise + recall);
    stream.gaussians(batch.targets(), 0, noise);
    System.arraycopy(batch.inputs(), 0, batch.targets(), noise, recall);
    Arrays.fill(batch.weights(), 0, noise, targets == Targets.ALL ? 1f : 0f);
    Arrays.fill(batch.weights(), noise, noise + recall, 1f);
  }

  /** The first K inputs in the last K steps, their mean 0 before. */
  @Override
  public void bestPrediction(SequenceBatch batch, float[] predictions) {
    int recall = remember * batch.batchSize() * features;
    Arrays.fill(predictions, 0, predictions.length - recall, 0f);
    System.arraycopy(batch.inputs(), 0, predictions, predictions.length - recall, recall);
  }
}
