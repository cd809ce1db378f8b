package dev.recall.peers.dl4j;

import dev.recall.peers.Contestant;
import dev.recall.peers.Problem;
import java.io.IOException;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.nn.conf.NeuralNetConfiguration;
import org.deeplearning4j.nn.conf.layers.GravesLSTM;
import org.deeplearning4j.nn.conf.layers.LSTM;
import org.deeplearning4j.nn.conf.layers.Layer;
import org.deeplearning4j.nn.conf.layers.RnnOutputLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.activations.Activation;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.lossfunctions.LossFunctions.LossFunction;

/** Deeplearning4j's layers LSTM and GravesLSTM, through {@code computeGradientAndScore}. */
final class Dl4jContestant implements Contestant {

  private final Problem problem;
  private final boolean peepholes;
  private final MultiLayerNetwork network;

  @SuppressWarnings("deprecation") // GravesLSTM is, and has no successor with peepholes
  private Dl4jContestant(Problem problem, boolean peepholes) {
    this.problem = problem;
    this.peepholes = peepholes;
    int hidden = problem.hidden();
    Layer layer =
        peepholes
            ? new GravesLSTM.Builder().nIn(1).nOut(hidden).activation(Activation.TANH).build()
            : new LSTM.Builder().nIn(1).nOut(hidden).activation(Activation.TANH).build();
    MultiLayerConfiguration configuration =
        new NeuralNetConfiguration.Builder()
            .list(
                layer,
                new RnnOutputLayer.Builder(LossFunction.MSE)
                    .activation(Activation.IDENTITY)
                    .nIn(hidden)
                    .nOut(1)
                    .build())
            .build();
    network = new MultiLayerNetwork(configuration);
    network.init();
    network.setParams(Nd4j.create(parameters()).reshape(1, -1));
    network.setInput(sequences(problem.inputs()));
    network.setLabels(sequences(problem.targets()));
  }

  /** From [T, B] to [B, 1, T]. */
  private INDArray sequences(float[] values) {
    int steps = problem.steps();
    int batch = problem.batch();
    float[] turned = new float[values.length];
    for (int t = 0; t < steps; t++) {
      for (int b = 0; b < batch; b++) {
        turned[b * steps + t] = values[t * batch + b];
      }
    }
    return Nd4j.create(turned, new int[] {batch, 1, steps}, 'c');
  }

  /** Matrices by columns; gates in the order candidate, forget, output, input. */
  private float[] parameters() {
    int h = problem.hidden();
    int[] gates = {2, 1, 3, 0};
    int[] peepholeGates = {1, 2, 0};
    float[] all = new float[4 * h + h * (4 * h + (peepholes ? 3 : 0)) + 4 * h + h + 1];
    int at = 0;
    for (int gate : gates) {
      System.arraycopy(problem.inputWeights(), gate * h, all, at, h);
      at += h;
    }
    for (int gate : gates) {
      for (int column = gate * h; column < (gate + 1) * h; column++) {
        for (int row = 0; row < h; row++) {
          all[at++] = problem.recurrentWeights()[row * 4 * h + column];
        }
      }
    }
    for (int i = 0; peepholes && i < 3; i++) {
      System.arraycopy(problem.peepholes(), peepholeGates[i] * h, all, at, h);
      at += h;
    }
    for (int gate : gates) {
      System.arraycopy(problem.bias(), gate * h, all, at, h);
      at += h;
    }
    System.arraycopy(problem.readOutWeights(), 0, all, at, h);
    all[at + h] = problem.readOutBias()[0];
    return all;
  }

  @Override
  public String name() {
    return "Deeplearning4j " + Versions.nd4j() + ", " + (peepholes ? "GravesLSTM" : "LSTM");
  }

  @Override
  public void gradient() {
    network.computeGradientAndScore();
  }

  /** The score is the squared error per sequence. */
  @Override
  public double loss() {
    return network.score() / problem.steps();
  }

  /** The gradient is that of the squared error, summed over batch and steps. */
  @Override
  public double gradientNorm() {
    double norm = network.gradient().gradient().norm2Number().doubleValue();
    return norm / problem.steps() / problem.batch();
  }

  /** Arguments: peepholes or none, and what the driver adds. */
  public static void main(String[] arguments) throws IOException {
    boolean peepholes = arguments[0].equals("peepholes");
    Contestant.serve(problem -> new Dl4jContestant(problem, peepholes), arguments);
  }
}
