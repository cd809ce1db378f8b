package dev.recall.model.recurrent;

import static dev.recall.model.recurrent.VectorMath.LANES;

import dev.recall.datagen.SequenceBatch;
import dev.recall.model.CellSpec;
import dev.recall.model.GradientSum;
import dev.recall.model.LstmSpec;
import dev.recall.model.ParameterLayout;
import dev.recall.model.RegressorSpec;
import java.util.Arrays;

/**
 * The engine of {@link PlainEngine} with the Vector API: the same operations on every lane in the
 * same order, so the same bits, several times faster.
 *
 * <p>Works through blocks of 16 sequences, each forward and back while its tape is in the cache.
 * Needs the module {@code jdk.incubator.vector}; without it the class does not load, see {@link
 * Engines}.
 */
final class VectorEngine implements FusedEngine {

  private final RegressorSpec spec;
  private final int parameterCount;
  private final VectorLayer[] layers;
  private final VectorReadOut readOut;
  private final float[][] dh; // per layer [T][size][16]

  VectorEngine(RegressorSpec spec) {
    this.spec = spec;
    ParameterLayout layout = spec.layout();
    this.parameterCount = layout.size();
    this.layers = new VectorLayer[spec.cells().size()];
    this.dh = new float[layers.length][0];
    int inputs = spec.inputSize();
    for (int l = 0; l < layers.length; l++) {
      layers[l] = layer(spec.cells().get(l), inputs, RegressorSpec.layerName(l), layout);
      inputs = layers[l].size();
    }
    this.readOut = new VectorReadOut(inputs, spec.outputSize(), layout);
  }

  private static VectorLayer layer(CellSpec cell, int inputs, String name, ParameterLayout layout) {
    if (cell instanceof LstmSpec lstm) {
      return new VectorLayer(lstm, inputs, name, layout);
    }
    throw new IllegalArgumentException("no vector engine for cell " + cell);
  }

  @Override
  public void lossAndGradient(float[] parameters, SequenceBatch batch, GradientSum sum) {
    Shapes.checkBatch(spec, batch);
    Shapes.check("gradient sum length", parameterCount, sum.vector().length);
    int steps = batch.steps();
    begin(parameters, steps);
    for (int l = 0; l < layers.length; l++) {
      layers[l].beginBackward(parameters);
      if (dh[l].length < steps * layers[l].size() * LANES) {
        dh[l] = new float[steps * layers[l].size() * LANES];
      }
    }
    readOut.begin();
    int top = layers.length - 1;
    for (int first = 0; first < batch.batchSize(); first += LANES) {
      int count = Math.min(LANES, batch.batchSize() - first);
      forward(parameters, batch.inputs(), steps, batch.batchSize(), first, count);
      readOut.loss(batch, first, count);
      readOut.backward(parameters, layers[top], dh[top], steps);
      for (int l = top; l >= 0; l--) {
        layers[l].backward(dh[l], l == 0 ? null : dh[l - 1], steps);
      }
    }
    for (VectorLayer layer : layers) {
      layer.end(sum.vector());
    }
    readOut.end(sum);
  }

  @Override
  public void predict(
      float[] parameters, float[] inputs, int steps, int batchSize, float[] outputs) {
    Shapes.checkPrediction(spec, inputs, steps, batchSize, outputs);
    begin(parameters, steps);
    for (int first = 0; first < batchSize; first += LANES) {
      int count = Math.min(LANES, batchSize - first);
      forward(parameters, inputs, steps, batchSize, first, count);
      readOut.copyOutputs(steps, first, count, batchSize, outputs);
    }
  }

  private void begin(float[] parameters, int steps) {
    Shapes.check("parameters length", parameterCount, parameters.length);
    for (VectorLayer layer : layers) {
      layer.reserve(steps);
      layer.begin(parameters);
    }
    readOut.reserve(steps);
  }

  private void forward(
      float[] parameters, float[] inputs, int steps, int batchSize, int first, int count) {
    copyInputs(inputs, steps, batchSize, first, count);
    for (int l = 0; l < layers.length; l++) {
      if (l > 0) {
        VectorLayer below = layers[l - 1];
        for (int k = 0; k < below.size(); k++) {
          System.arraycopy(
              below.history(),
              below.outputAt(k),
              layers[l].history(),
              layers[l].inputAt(k),
              steps * LANES);
        }
      }
      layers[l].forward(steps);
    }
    readOut.forward(parameters, layers[layers.length - 1], steps);
  }

  private void copyInputs(float[] inputs, int steps, int batchSize, int first, int count) {
    int size = spec.inputSize();
    float[] rows = layers[0].history();
    for (int t = 0; t < steps; t++) {
      for (int k = 0; k < size; k++) {
        int row = layers[0].inputAt(k) + t * LANES;
        int from = (t * batchSize + first) * size + k;
        for (int lane = 0; lane < count; lane++) {
          rows[row + lane] = inputs[from + lane * size];
        }
        Arrays.fill(rows, row + count, row + LANES, 0f);
      }
    }
  }
}
