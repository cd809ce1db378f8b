package dev.recall.model.dl4j;

import dev.recall.datagen.SequenceBatch;
import org.nd4j.common.primitives.Pair;
import org.nd4j.linalg.activations.IActivation;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.indexing.INDArrayIndex;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.nd4j.linalg.lossfunctions.ILossFunction;

/**
 * The loss sum(w e^2) for any weights w.
 *
 * <p>Deeplearning4j's own losses take weights per output but not per step; its masks would do for 0
 * and 1 alone. So the weights stand behind the targets in the labels, and there is no mask.
 */
final class WeightedSquares implements ILossFunction {

  private static final long serialVersionUID = 1L;

  /** Targets, then weights: [sequences, 2 outputs, steps]. */
  static INDArray labels(SequenceBatch batch) {
    return Nd4j.concat(1, Dl4jData.targets(batch), Dl4jData.weights(batch));
  }

  @Override
  public double computeScore(
      INDArray labels,
      INDArray preOutput,
      IActivation activation,
      INDArray mask,
      boolean perSequence) {
    double sum = squares(labels, preOutput, activation).sumNumber().doubleValue();
    return perSequence ? sum / preOutput.size(0) : sum;
  }

  @Override
  public INDArray computeScoreArray(
      INDArray labels, INDArray preOutput, IActivation activation, INDArray mask) {
    return squares(labels, preOutput, activation).sum(true, 1);
  }

  @Override
  public INDArray computeGradient(
      INDArray labels, INDArray preOutput, IActivation activation, INDArray mask) {
    INDArray slope = errors(labels, preOutput, activation).muli(half(labels, 1)).muli(2);
    return activation.backprop(preOutput, slope).getFirst();
  }

  @Override
  public Pair<Double, INDArray> computeGradientAndScore(
      INDArray labels,
      INDArray preOutput,
      IActivation activation,
      INDArray mask,
      boolean perSequence) {
    return new Pair<>(
        computeScore(labels, preOutput, activation, mask, perSequence),
        computeGradient(labels, preOutput, activation, mask));
  }

  @Override
  public String name() {
    return "sum(w e^2)";
  }

  private static INDArray squares(INDArray labels, INDArray preOutput, IActivation activation) {
    INDArray errors = errors(labels, preOutput, activation);
    return errors.muli(errors).muli(half(labels, 1));
  }

  private static INDArray errors(INDArray labels, INDArray preOutput, IActivation activation) {
    return activation.getActivation(preOutput.dup(), true).subi(half(labels, 0));
  }

  /** The targets for 0, the weights for 1. */
  private static INDArray half(INDArray labels, int which) {
    long outputs = labels.size(1) / 2;
    INDArrayIndex columns = NDArrayIndex.interval(which * outputs, (which + 1) * outputs);
    return labels.get(NDArrayIndex.all(), columns);
  }
}
