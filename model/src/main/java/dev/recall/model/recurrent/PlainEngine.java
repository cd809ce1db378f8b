package dev.recall.model.recurrent;

import dev.recall.datagen.SequenceBatch;
import dev.recall.model.CellSpec;
import dev.recall.model.GradientSum;
import dev.recall.model.LstmSpec;
import dev.recall.model.ParameterLayout;
import dev.recall.model.RegressorSpec;
import java.util.Arrays;

/**
 * Back-propagation through time in plain Java for a stack of LSTM layers with a linear read-out.
 *
 * <p>Arrays are laid out [time][unit][lane], a lane being one sequence of the batch, so that every
 * inner loop runs over independent sequences and the JIT vectorises it. Lanes are summed in one
 * written-down tree and products are fused by {@link Math#fma}, so that the result does not depend
 * on the vector width of the machine. Buffers are allocated at the first batch of a shape and kept.
 */
public final class PlainEngine implements FusedEngine {

  private final RegressorSpec spec;
  private final int parameterCount;
  private final LstmLayer[] layers;
  private final ReadOut readOut;

  private int lanes;
  private float[][][] x = {}; // [T][inputs][lanes]
  private final float[][][][] dh; // per layer [T][size][lanes]

  /**
   * Creates an engine without buffers.
   *
   * @param spec the model
   */
  public PlainEngine(RegressorSpec spec) {
    this.spec = spec;
    ParameterLayout layout = spec.layout();
    this.parameterCount = layout.size();
    this.layers = new LstmLayer[spec.cells().size()];
    this.dh = new float[layers.length][0][][];
    int inputs = spec.inputSize();
    for (int l = 0; l < layers.length; l++) {
      layers[l] = layer(spec.cells().get(l), inputs, RegressorSpec.layerName(l), layout);
      inputs = layers[l].size();
    }
    this.readOut = new ReadOut(inputs, spec.outputSize(), layout);
  }

  private static LstmLayer layer(CellSpec cell, int inputs, String name, ParameterLayout layout) {
    if (cell instanceof LstmSpec lstm) {
      return new LstmLayer(lstm, inputs, name, layout);
    }
    throw new IllegalArgumentException("no plain engine for cell " + cell);
  }

  @Override
  public void lossAndGradient(float[] parameters, SequenceBatch batch, GradientSum sum) {
    Shapes.checkBatch(spec, batch);
    Shapes.check("gradient sum length", parameterCount, sum.vector().length);
    int steps = batch.steps();
    forward(parameters, batch.inputs(), steps, batch.batchSize());
    readOut.loss(batch, sum);
    int top = layers.length - 1;
    readOut.backward(parameters, layers[top].hidden(), dh[top], steps, sum.vector());
    for (int l = top; l >= 0; l--) {
      float[][][] below = l == 0 ? x : layers[l - 1].hidden();
      float[][][] dBelow = l == 0 ? null : dh[l - 1];
      layers[l].backward(parameters, below, dh[l], dBelow, steps, sum.vector());
    }
  }

  @Override
  public void predict(
      float[] parameters, float[] inputs, int steps, int batchSize, float[] outputs) {
    int size = spec.outputSize();
    Shapes.checkPrediction(spec, inputs, steps, batchSize, outputs);
    forward(parameters, inputs, steps, batchSize);
    float[][][] y = readOut.outputs();
    for (int t = 0, at = 0; t < steps; t++) {
      for (int lane = 0; lane < batchSize; lane++) {
        for (int j = 0; j < size; j++) {
          outputs[at++] = y[t][j][lane];
        }
      }
    }
  }

  private void forward(float[] parameters, float[] inputs, int steps, int batchSize) {
    Shapes.check("parameters length", parameterCount, parameters.length);
    reserve(steps, Rows.padded(batchSize));
    int size = spec.inputSize();
    for (int t = 0, at = 0; t < steps; t++) {
      for (int lane = 0; lane < batchSize; lane++) {
        for (int k = 0; k < size; k++) {
          x[t][k][lane] = inputs[at++];
        }
      }
      for (int k = 0; k < size; k++) {
        Arrays.fill(x[t][k], batchSize, lanes, 0f);
      }
    }
    float[][][] below = x;
    for (LstmLayer layer : layers) {
      layer.forward(parameters, below, steps);
      below = layer.hidden();
    }
    readOut.forward(parameters, below, steps);
  }

  private void reserve(int steps, int lanes) {
    if (x.length >= steps && this.lanes == lanes) {
      return;
    }
    this.lanes = lanes;
    x = Rows.allocate(steps, spec.inputSize(), lanes);
    for (int l = 0; l < layers.length; l++) {
      layers[l].reserve(steps, lanes);
      dh[l] = Rows.allocate(steps, layers[l].size(), lanes);
    }
    readOut.reserve(steps, lanes);
  }
}
