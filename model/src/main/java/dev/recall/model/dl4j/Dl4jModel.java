package dev.recall.model.dl4j;

import dev.recall.model.CellSpec;
import dev.recall.model.LstmSpec;
import dev.recall.model.RegressorSpec;
import dev.recall.model.format.Dl4jOrder;
import java.util.ArrayList;
import java.util.List;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.AbstractLSTM;
import org.deeplearning4j.nn.conf.layers.GravesLSTM;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.learning.config.IUpdater;
import org.nd4j.linalg.learning.config.NoOp;
import org.nd4j.linalg.lossfunctions.ILossFunction;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/**
 * The regressor as a {@link MultiLayerNetwork}: {@code LSTM} layers, or {@code GravesLSTM} where
 * there are peepholes, and an {@code RnnOutputLayer} with the identity and the squared error.
 *
 * <p>The network's score is the sum of squared errors over steps and outputs / (outputs x
 * sequences). Its gradient is that of the sum / outputs; a step of an updater divides it by the
 * number of sequences. So with T steps, all of them counted, Deeplearning4j steps along T times the
 * gradient of the mean squared error.
 */
public final class Dl4jModel {

  private Dl4jModel() {}

  /**
   * Makes a network with given parameters.
   *
   * @param spec the model
   * @param parameters flat parameters in the order of the model's layout; copied
   * @param updater its updater, or null for a network that is not to be fitted
   * @return an initialised network for data [sequences, features, steps]
   * @throws IllegalArgumentException when the number of parameters is not the model's
   */
  public static MultiLayerNetwork network(
      RegressorSpec spec, float[] parameters, IUpdater updater) {
    return initialised(configuration(spec, updater), spec, parameters);
  }

  static MultiLayerNetwork initialised(
      MultiLayerConfiguration configuration, RegressorSpec spec, float[] parameters) {
    MultiLayerNetwork network = new MultiLayerNetwork(configuration);
    network.init(Nd4j.create(toDl4j(spec, parameters)).reshape(1, -1), false);
    return network;
  }

  /**
   * Describes the model to Deeplearning4j.
   *
   * @param spec the model
   * @param updater its updater, or null for a network that is not to be fitted
   * @return the configuration, the same for the same arguments
   */
  public static MultiLayerConfiguration configuration(RegressorSpec spec, IUpdater updater) {
    return configuration(spec, updater, LossFunction.MSE.getILossFunction());
  }

  /** The same with another loss. */
  static MultiLayerConfiguration configuration(
      RegressorSpec spec, IUpdater updater, ILossFunction loss) {
    List<Layer> layers = new ArrayList<>();
    int inputs = spec.inputSize();
    for (CellSpec cell : spec.cells()) {
      layers.add(layer(cell, inputs));
      inputs = cell.size();
    }
    layers.add(
        new RnnOutputLayer.Builder(loss)
            .activation(Activation.IDENTITY)
            .nIn(inputs)
            .nOut(spec.outputSize())
            .build());
    return new NeuralNetConfiguration.Builder()
        .seed(0) // else the time of day; the parameters are given
        .dataType(DataType.FLOAT)
        .updater(updater == null ? new NoOp() : updater)
        .list(layers.toArray(new Layer[0]))
        .build();
  }

  @SuppressWarnings("deprecation") // GravesLSTM is, and has no successor with peepholes
  private static Layer layer(CellSpec cell, int inputs) {
    if (cell instanceof LstmSpec lstm) {
      AbstractLSTM.Builder<?> layer =
          lstm.peepholes() ? new GravesLSTM.Builder() : new LSTM.Builder();
      return layer
          .activation(Activation.TANH)
          .gateActivationFunction(Activation.SIGMOID)
          .nIn(inputs)
          .nOut(lstm.size())
          .build();
    }
    throw new IllegalArgumentException("no layer of Deeplearning4j for cell " + cell);
  }

  /**
   * Returns a network's parameters as this project has them.
   *
   * @param spec the model that the network was made from
   * @param network not changed
   * @return [parameters] in the order of the model's layout, a new array
   * @throws IllegalArgumentException when the number of parameters is not the model's
   */
  public static float[] parameters(RegressorSpec spec, MultiLayerNetwork network) {
    return fromDl4j(spec, network.params());
  }

  /**
   * Puts a vector of Deeplearning4j, of parameters or of a gradient, into our order.
   *
   * @param spec the model
   * @param vector flat, of any shape; not changed
   * @return [parameters] in the order of the model's layout, a new array
   * @throws IllegalArgumentException when the number of values is not the model's
   */
  public static float[] fromDl4j(RegressorSpec spec, INDArray vector) {
    return Dl4jOrder.fromDl4j(spec, vector.reshape(-1).toFloatVector());
  }

  /**
   * Puts values, of parameters or of a gradient, into Deeplearning4j's order.
   *
   * @param spec the model
   * @param values [parameters] in the order of the model's layout; read only
   * @return [parameters], a new array
   * @throws IllegalArgumentException when the number of values is not the model's
   */
  public static float[] toDl4j(RegressorSpec spec, float[] values) {
    return Dl4jOrder.toDl4j(spec, values);
  }
}
