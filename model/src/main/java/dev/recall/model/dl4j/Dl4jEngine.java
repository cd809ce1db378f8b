package dev.recall.model.dl4j;

import dev.recall.datagen.SequenceBatch;
import dev.recall.model.GradientEngine;
import dev.recall.model.GradientSum;
import dev.recall.model.Predictor;
import dev.recall.model.RegressorSpec;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/**
 * The regressor through Deeplearning4j's own layers and back-propagation.
 *
 * <p>Same arguments give the same bits in one JVM after the other on one machine; on another CPU
 * the natives may round otherwise, which {@link GradientEngine} does not promise of any other
 * engine.
 */
public final class Dl4jEngine implements GradientEngine, Predictor {

  private final RegressorSpec spec;
  private final MultiLayerNetwork network;

  /**
   * Makes a network of zeros.
   *
   * @param spec the model
   * @throws IllegalStateException when Deeplearning4j cannot run in this JVM
   */
  public Dl4jEngine(RegressorSpec spec) {
    Dl4jNatives.missing()
        .ifPresent(
            reason -> {
              throw new IllegalStateException(reason);
            });
    this.spec = spec;
    this.network = network(spec);
  }

  /** A network of zeros with the loss of weights. */
  static MultiLayerNetwork network(RegressorSpec spec) {
    return Dl4jModel.initialised(
        Dl4jModel.configuration(spec, null, new WeightedSquares()),
        spec,
        new float[spec.layout().size()]);
  }

  @Override
  public void lossAndGradient(float[] parameters, SequenceBatch batch, GradientSum sum) {
    check("batch input size", spec.inputSize(), batch.inputSize());
    check("batch target size", spec.outputSize(), batch.targetSize());
    check("gradient sum length", spec.layout().size(), sum.vector().length);
    setParameters(parameters);
    network.setInput(Dl4jData.inputs(batch));
    network.setLabels(WeightedSquares.labels(batch));
    network.computeGradientAndScore();
    float[] gradient = Dl4jModel.fromDl4j(spec, network.getFlattenedGradients());
    float[] total = sum.vector();
    for (int i = 0; i < total.length; i++) {
      total[i] += gradient[i];
    }
    sum.addLoss(network.score() * batch.batchSize() + nanOr0(parameters), weight(batch));
  }

  /** A vector of one NaN that ND4J adds to rows counts as 0. */
  private static double nanOr0(float[] parameters) {
    double sum = 0;
    for (float parameter : parameters) {
      sum += Float.isNaN(parameter) ? parameter : 0;
    }
    return sum;
  }

  private static double weight(SequenceBatch batch) {
    double weight = 0;
    for (float w : batch.weights()) {
      weight += w;
    }
    return weight;
  }

  @Override
  public void predict(
      float[] parameters, float[] inputs, int steps, int batchSize, float[] outputs) {
    check("inputs length", steps * batchSize * spec.inputSize(), inputs.length);
    check("outputs length", steps * batchSize * spec.outputSize(), outputs.length);
    setParameters(parameters);
    INDArray y = network.output(Dl4jData.turned(inputs, steps, batchSize, spec.inputSize()));
    float[] timeMajor = y.permute(2, 0, 1).dup('c').data().asFloat();
    System.arraycopy(timeMajor, 0, outputs, 0, outputs.length);
  }

  private void setParameters(float[] parameters) {
    network.params().assign(Nd4j.create(Dl4jModel.toDl4j(spec, parameters)).reshape(1, -1));
  }

  private static void check(String what, int expected, int found) {
    if (expected != found) {
      throw new IllegalArgumentException(what + ": expected " + expected + ", found " + found);
    }
  }
}
