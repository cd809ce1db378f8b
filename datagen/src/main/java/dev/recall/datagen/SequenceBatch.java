package dev.recall.datagen;

/**
 * One batch of sequences, time-major.
 *
 * <p>The batch owns its arrays; {@link SequenceTask#generate} refills them. Element {@code (t, b,
 * i)} of an array {@code [T, B, size]} is at {@code (t * B + b) * size + i}.
 */
public final class SequenceBatch {
  private final int steps;
  private final int batchSize;
  private final int inputSize;
  private final int targetSize;
  private final float[] inputs; // [T, B, inputSize]
  private final float[] targets; // [T, B, targetSize]
  private final float[] weights; // [T, B, targetSize]
  private final RandomKernels kernels;
  private final RandomStream stream = new RandomStream();

  /**
   * Allocates a batch of zeros.
   *
   * @param steps time steps T, at least 1
   * @param batchSize sequences B, at least 1
   * @param inputSize values per input step, at least 1
   * @param targetSize values per target step, at least 1
   * @throws IllegalArgumentException if a size is below 1 or an array would exceed 2^31 - 9
   *     elements
   */
  public SequenceBatch(int steps, int batchSize, int inputSize, int targetSize) {
    this(steps, batchSize, inputSize, targetSize, new RandomKernels());
  }

  /** Allocates a batch whose random numbers come from given kernels. */
  SequenceBatch(int steps, int batchSize, int inputSize, int targetSize, RandomKernels kernels) {
    this.kernels = kernels;
    Checks.atLeast("steps", steps, 1);
    Checks.atLeast("batchSize", batchSize, 1);
    Checks.atLeast("inputSize", inputSize, 1);
    Checks.atLeast("targetSize", targetSize, 1);
    int inputElements = Checks.elements("inputs", steps, batchSize, inputSize);
    int targetElements = Checks.elements("targets", steps, batchSize, targetSize);
    this.steps = steps;
    this.batchSize = batchSize;
    this.inputSize = inputSize;
    this.targetSize = targetSize;
    this.inputs = new float[inputElements];
    this.targets = new float[targetElements];
    this.weights = new float[targetElements];
  }

  /**
   * Time steps.
   *
   * @return T
   */
  public int steps() {
    return steps;
  }

  /**
   * Sequences.
   *
   * @return B
   */
  public int batchSize() {
    return batchSize;
  }

  /**
   * Values per input step.
   *
   * @return the last dimension of the inputs
   */
  public int inputSize() {
    return inputSize;
  }

  /**
   * Values per target step.
   *
   * @return the last dimension of targets and weights
   */
  public int targetSize() {
    return targetSize;
  }

  /**
   * Inputs.
   *
   * @return the batch's own array, [T, B, inputSize]
   */
  public float[] inputs() {
    return inputs;
  }

  /**
   * Targets.
   *
   * @return the batch's own array, [T, B, targetSize]
   */
  public float[] targets() {
    return targets;
  }

  /**
   * Loss weights. The loss is {@code sum(w (y - target)^2) / sum(w)}.
   *
   * @return the batch's own array, [T, B, targetSize]
   */
  public float[] weights() {
    return weights;
  }

  /**
   * Opens the random numbers that fill this batch: those of {@link BatchKey#stream}. Buffers are
   * kept from call to call.
   *
   * @param key address of the batch
   * @return the batch's own stream, at its first block; it serves until the next call
   */
  public RandomStream stream(BatchKey key) {
    return stream.open(kernels.open(key, stream.taken()));
  }
}
