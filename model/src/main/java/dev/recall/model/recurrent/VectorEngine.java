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
 * <p>Works through blocks of 16 sequences, each forward and back while its values are in the cache;
 * after every two blocks their gradient is added up. Needs the module {@code jdk.incubator.vector};
 * without it the class does not load, see {@link Engines}.
 */
final class VectorEngine implements FusedEngine {

  /** Blocks per tape, {@link Rows#LANES} lanes in all. */
  private static final int BLOCKS = 2;

  private final RegressorSpec spec;
  private final int parameterCount;
  private final VectorLayer[] layers;
  private final VectorReadOut readOut;
  private final VectorMemory memory = new VectorMemory();
  private final int[] dh; // per layer an area [T][size][16]

  private int steps; // of the sequences at hand

  VectorEngine(RegressorSpec spec) {
    this.spec = spec;
    ParameterLayout layout = spec.layout();
    this.parameterCount = layout.size();
    this.layers = new VectorLayer[spec.cells().size()];
    this.dh = new int[layers.length];
    int inputs = spec.inputSize();
    for (int l = 0; l < layers.length; l++) {
      layers[l] = layer(spec.cells().get(l), inputs, RegressorSpec.layerName(l), layout);
      inputs = layers[l].size();
    }
    this.readOut = new VectorReadOut(layers[layers.length - 1], spec.outputSize(), layout);
  }

  private static VectorLayer layer(CellSpec cell, int inputs, String name, ParameterLayout layout) {
    if (cell instanceof LstmSpec lstm) {
      return new VectorLayer(lstm, inputs, name, layout);
    }
    throw new IllegalArgumentException("no vector engine for cell " + cell);
  }

  /** Memory of all rows. */
  VectorMemory memory() {
    return memory;
  }

  @Override
  public void lossAndGradient(float[] parameters, SequenceBatch batch, GradientSum sum) {
    Shapes.checkBatch(spec, batch);
    Shapes.check("gradient sum length", parameterCount, sum.vector().length);
    begin(parameters, batch.steps());
    for (int l = 0; l < layers.length; l++) {
      layers[l].beginBackward(parameters, l > 0);
    }
    readOut.beginBackward();
    for (int first = 0; first < batch.batchSize(); first += BLOCKS * LANES) {
      int blocks = Math.min(BLOCKS, (batch.batchSize() - first + LANES - 1) / LANES);
      for (int block = 0; block < blocks; block++) {
        forwardAndBack(parameters, batch, block, first + block * LANES);
      }
      for (VectorLayer layer : layers) {
        layer.addGradients(blocks);
      }
      readOut.addGradients(blocks);
    }
    for (VectorLayer layer : layers) {
      layer.end(sum.vector());
    }
    readOut.end(sum);
  }

  private void forwardAndBack(float[] parameters, SequenceBatch batch, int block, int first) {
    int count = Math.min(LANES, batch.batchSize() - first);
    int top = layers.length - 1;
    forward(parameters, batch.inputs(), batch.batchSize(), block, first, count);
    readOut.loss(batch, block, first, count);
    readOut.backward(parameters, block, dh[top]);
    for (int l = top; l >= 0; l--) {
      layers[l].backward(block, dh[l], l == 0 ? -1 : dh[l - 1]);
    }
  }

  @Override
  public void predict(
      float[] parameters, float[] inputs, int length, int batchSize, float[] outputs) {
    Shapes.checkPrediction(spec, inputs, length, batchSize, outputs);
    begin(parameters, length);
    for (int first = 0; first < batchSize; first += LANES) {
      int count = Math.min(LANES, batchSize - first);
      forward(parameters, inputs, batchSize, 0, first, count);
      readOut.copyOutputs(0, first, count, batchSize, outputs);
    }
  }

  private void begin(float[] parameters, int length) {
    Shapes.check("parameters length", parameterCount, parameters.length);
    if (memory.align() || length != steps) {
      reserve(length);
    }
    for (VectorLayer layer : layers) {
      layer.pack(parameters);
    }
  }

  private void reserve(int length) {
    memory.clear();
    for (int l = 0; l < layers.length; l++) {
      layers[l].reserve(memory, length);
      dh[l] = memory.area(length * layers[l].size() * LANES);
    }
    readOut.reserve(memory, length);
    memory.allocate();
    for (VectorLayer layer : layers) {
      layer.begin(memory.floats());
    }
    readOut.begin(memory.floats());
    steps = length;
  }

  private void forward(
      float[] parameters, float[] inputs, int batchSize, int block, int first, int count) {
    copyInputs(inputs, batchSize, block, first, count);
    for (int l = 0; l < layers.length; l++) {
      if (l > 0) {
        copyOutputs(layers[l - 1], layers[l], block);
      }
      layers[l].forward(block);
    }
    readOut.forward(parameters, block);
  }

  private void copyOutputs(VectorLayer below, VectorLayer above, int block) {
    VectorTape from = below.tape();
    VectorTape to = above.tape();
    for (int t = 0; t < steps; t++) {
      System.arraycopy(
          memory.floats(),
          from.readAt(block, t + 1, below.outputRow(0)),
          memory.floats(),
          to.readAt(block, t, above.inputRow(0)),
          below.size() * LANES);
    }
  }

  private void copyInputs(float[] inputs, int batchSize, int block, int first, int count) {
    int size = spec.inputSize();
    VectorTape tape = layers[0].tape();
    float[] rows = memory.floats();
    for (int t = 0; t < steps; t++) {
      for (int k = 0; k < size; k++) {
        int row = tape.readAt(block, t, layers[0].inputRow(k));
        int from = (t * batchSize + first) * size + k;
        if (size == 1) {
          System.arraycopy(inputs, from, rows, row, count);
        } else {
          for (int lane = 0; lane < count; lane++) {
            rows[row + lane] = inputs[from + lane * size];
          }
        }
        Arrays.fill(rows, row + count, row + LANES, 0f);
      }
    }
  }
}
