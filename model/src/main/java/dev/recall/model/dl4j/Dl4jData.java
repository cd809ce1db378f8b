package dev.recall.model.dl4j;

import dev.recall.datagen.SequenceBatch;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;

/** Batches as Deeplearning4j has them: [sequences, features, steps]. */
public final class Dl4jData {

  private Dl4jData() {}

  /**
   * Copies a batch.
   *
   * <p>Its loss weights become the mask of the labels: [sequences, steps] where all outputs of a
   * step weigh the same, else [sequences, outputs, steps], and none where all weigh 1. A mask of
   * Deeplearning4j holds 0 and 1: it multiplies the outputs before the loss, and the gradient of
   * one output twice.
   *
   * @param batch time-major, with loss weights of 0 and 1; read only
   * @return features, labels and the mask of the labels
   * @throws IllegalArgumentException when there is another weight, naming it
   */
  public static DataSet of(SequenceBatch batch) {
    return new DataSet(inputs(batch), targets(batch), null, mask(batch));
  }

  static INDArray inputs(SequenceBatch batch) {
    return turned(batch.inputs(), batch.steps(), batch.batchSize(), batch.inputSize());
  }

  static INDArray targets(SequenceBatch batch) {
    return turned(batch.targets(), batch.steps(), batch.batchSize(), batch.targetSize());
  }

  static INDArray weights(SequenceBatch batch) {
    return turned(batch.weights(), batch.steps(), batch.batchSize(), batch.targetSize());
  }

  /** Null where all weights are 1. */
  private static INDArray mask(SequenceBatch batch) {
    float[] weights = batch.weights();
    int outputs = batch.targetSize();
    boolean ones = true;
    boolean alike = true;
    for (int i = 0; i < weights.length; i++) {
      if (weights[i] != 0 && weights[i] != 1) {
        throw new IllegalArgumentException(
            "loss weights: expected 0 or 1, as Deeplearning4j's masks have, found " + weights[i]);
      }
      ones &= weights[i] == 1;
      alike &= weights[i] == weights[i - i % outputs];
    }
    if (ones) {
      return null;
    }
    INDArray all = weights(batch);
    return alike ? all.tensorAlongDimension(0, 0, 2).dup('f') : all;
  }

  /** From [T, B, size] to [B, size, T]. */
  static INDArray turned(float[] values, int steps, int batchSize, int size) {
    return Nd4j.create(values, new int[] {steps, batchSize, size}, 'c').permute(1, 2, 0).dup('f');
  }
}
