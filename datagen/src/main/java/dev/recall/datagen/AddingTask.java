package dev.recall.datagen;

import java.util.Arrays;

/**
 * The adding problem: add two marked values of a sequence.
 *
 * <p>Input 0 of a step is a value, U(0,1); input 1 is a marker, 1 at two steps and 0 elsewhere. One
 * marker is uniform over the first floor(T/2) steps, the other over the rest. The target of the
 * last step is the sum of the two marked values minus 1, so its mean is 0 and its variance 1/6. It
 * has weight 1; all other targets and weights are 0.
 *
 * <p>Source: Hochreiter and Schmidhuber, Long Short-Term Memory, Neural Computation 9(8), 1997,
 * experiment 4. There, values are U(-1,1), lengths vary, markers at both ends are -1, the first
 * marker lies in the first ten steps and the target is 0.5 + sum / 4. The form here is the one of
 * later work on long time lags.
 *
 * @param steps time steps T, at least 2
 * @param batchSize sequences per batch, at least 1
 */
public record AddingTask(int steps, int batchSize) implements SequenceTask {

  /**
   * Checks the sizes.
   *
   * @param steps at least 2
   * @param batchSize at least 1
   * @throws IllegalArgumentException if a size is out of its range or a batch would exceed the
   *     largest array
   */
  public AddingTask {
    Checks.atLeast("steps", steps, 2);
    Checks.atLeast("batchSize", batchSize, 1);
    Checks.elements("inputs", steps, batchSize, 2);
  }

  /** Value and marker: 2. */
  @Override
  public int inputSize() {
    return 2;
  }

  /** The sum: 1. */
  @Override
  public int targetSize() {
    return 1;
  }

  /** The last step: 1. */
  @Override
  public int recallSteps() {
    return 1;
  }

  /** 0: the target of the last step is a function of the inputs, and no other step counts. */
  @Override
  public double bayesLoss() {
    return 0.0;
  }

  @Override
  public void generate(BatchKey key, SequenceBatch batch) {
    Checks.shape(this, batch);
    float[] inputs = batch.inputs(); // [T, B, 2]
    float[] targets = batch.targets(); // [T, B, 1]
    float[] weights = batch.weights(); // [T, B, 1]
    int elements = steps * batchSize;
    RandomStream stream = batch.stream(key);
    stream.uniforms(targets, 0, elements); // the values, until they are spread over the inputs
    stream.uniforms(weights, 0, 2 * batchSize); // the places of the markers, likewise
    for (int i = 0; i < elements; i++) {
      inputs[2 * i] = targets[i];
      inputs[2 * i + 1] = 0f;
    }
    Arrays.fill(targets, 0f);
    int half = steps / 2;
    int last = elements - batchSize;
    for (int b = 0; b < batchSize; b++) {
      int first = place(weights[b], half) * batchSize + b;
      int second = (half + place(weights[batchSize + b], steps - half)) * batchSize + b;
      inputs[2 * first + 1] = 1f;
      inputs[2 * second + 1] = 1f;
      targets[last + b] = inputs[2 * first] + inputs[2 * second] - 1f;
    }
    Arrays.fill(weights, 0, last, 0f);
    Arrays.fill(weights, last, elements, 1f);
  }

  /** The sum of the marked values minus 1 in the last step, 0 before. */
  @Override
  public void bestPrediction(SequenceBatch batch, float[] predictions) {
    int sequences = batch.batchSize();
    int last = predictions.length - sequences;
    Arrays.fill(predictions, 0, last, 0f);
    for (int b = 0; b < sequences; b++) {
      float sum = -1f;
      for (int i = b; i < predictions.length; i += sequences) {
        sum += batch.inputs()[2 * i] * batch.inputs()[2 * i + 1];
      }
      predictions[last + b] = sum;
    }
  }

  /** Uniform over [0, n) for a uniform u in (0,1); the product is exact, so it stays below n. */
  private static int place(float u, int n) {
    return (int) ((double) u * n);
  }
}
