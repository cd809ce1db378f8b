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
 * inner loop runs over independent sequences and the JIT vectorises it; 32 sequences at a time.
 * Lanes are summed in one written-down order and products are fused by {@link Math#fma}, so that
 * the result does not depend on the vector width of the machine. Buffers are allocated at the first
 * batch of a length and kept.
 */
public final class PlainEngine implements FusedEngine {

  private final RegressorSpec spec;
  private final int parameterCount;
  private final LstmLayer[] layers;
  private final ReadOut readOut;

  private final float[] gradient; // [parameters], of the batch at hand
  private float[][][] x = {}; // [T][inputs][32]
  private final float[][][][] dh; // per layer [T][size][32]

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
    this.gradient = new float[parameterCount];
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
    begin(parameters, steps);
    Arrays.fill(gradient, 0f);
    float loss = 0;
    float weight = 0;
    int top = layers.length - 1;
    for (int first = 0; first < batch.batchSize(); first += Rows.LANES) {
      int count = forward(parameters, batch.inputs(), steps, batch.batchSize(), first);
      readOut.loss(batch, first, count);
      loss += readOut.totalLoss();
      weight += readOut.totalWeight();
      readOut.backward(parameters, layers[top].hidden(), dh[top], steps, gradient);
      for (int l = top; l >= 0; l--) {
        float[][][] below = l == 0 ? x : layers[l - 1].hidden();
        float[][][] dBelow = l == 0 ? null : dh[l - 1];
        layers[l].backward(parameters, below, dh[l], dBelow, steps, gradient);
      }
    }
    float[] total = sum.vector();
    for (int i = 0; i < parameterCount; i++) {
      total[i] += gradient[i];
    }
    sum.addLoss(loss, weight);
  }

  @Override
  public void predict(
      float[] parameters, float[] inputs, int steps, int batchSize, float[] outputs) {
    Shapes.checkPrediction(spec, inputs, steps, batchSize, outputs);
    begin(parameters, steps);
    int size = spec.outputSize();
    for (int first = 0; first < batchSize; first += Rows.LANES) {
      int count = forward(parameters, inputs, steps, batchSize, first);
      float[][][] y = readOut.outputs();
      for (int t = 0; t < steps; t++) {
        for (int lane = 0; lane < count; lane++) {
          for (int j = 0; j < size; j++) {
            outputs[(t * batchSize + first + lane) * size + j] = y[t][j][lane];
          }
        }
      }
    }
  }

  private void begin(float[] parameters, int steps) {
    Shapes.check("parameters length", parameterCount, parameters.length);
    for (LstmLayer layer : layers) {
      layer.reserve(steps);
      layer.begin(parameters);
    }
    readOut.reserve(steps);
    if (x.length < steps) {
      x = Rows.allocate(steps, spec.inputSize());
      for (int l = 0; l < layers.length; l++) {
        dh[l] = Rows.allocate(steps, layers[l].size());
      }
    }
  }

  /** Runs up to 32 sequences from the first one on; returns their number. */
  private int forward(float[] parameters, float[] inputs, int steps, int batchSize, int first) {
    int count = Math.min(Rows.LANES, batchSize - first);
    int size = spec.inputSize();
    for (int t = 0; t < steps; t++) {
      for (int k = 0; k < size; k++) {
        float[] row = x[t][k];
        for (int lane = 0; lane < count; lane++) {
          row[lane] = inputs[(t * batchSize + first + lane) * size + k];
        }
        Arrays.fill(row, count, row.length, 0f);
      }
    }
    float[][][] below = x;
    for (LstmLayer layer : layers) {
      layer.forward(below, steps);
      below = layer.hidden();
    }
    readOut.forward(parameters, below, steps);
    return count;
  }
}
