package dev.recall.model.format;

import dev.recall.model.CellSpec;
import dev.recall.model.LstmSpec;
import dev.recall.model.ParameterLayout;
import dev.recall.model.RegressorSpec;

/**
 * The order of parameters in Deeplearning4j's flat vector, for {@code LSTM} and {@code GravesLSTM}
 * layers below an {@code RnnOutputLayer}.
 *
 * <p>Each layer has W [inputs, 4H], RW [H, 4H] and b [4H], the read-out W [H, outputs] and b
 * [outputs]; all matrices lie by columns. Gates lie in the order candidate, forget, output, input.
 * With peepholes RW is [H, 4H + 3]: the columns cf, co, ci follow. Source: LSTMParamInitializer,
 * GravesLSTMParamInitializer and LSTMHelpers of version 1.0.0-M2.1.
 *
 * <p>Nothing here needs Deeplearning4j itself.
 */
public final class Dl4jOrder {

  private static final int[] GATES = {2, 1, 3, 0}; // of i, f, c, o
  private static final String[] PEEPHOLES = {"cf", "co", "ci"};

  private final ParameterLayout layout;
  private final int[] ours; // [parameters], for each place there the place here
  private int at;

  private Dl4jOrder(RegressorSpec spec) {
    layout = spec.layout();
    ours = new int[layout.size()];
    int inputs = spec.inputSize();
    for (int l = 0; l < spec.cells().size(); l++) {
      addLayer(spec.cells().get(l), RegressorSpec.layerName(l), inputs);
      inputs = spec.cells().get(l).size();
    }
    addColumns(layout.offset("out.w"), inputs, spec.outputSize(), 0, spec.outputSize());
    addRow(layout.offset("out.b"), spec.outputSize());
  }

  private void addLayer(CellSpec cell, String name, int inputs) {
    int h = cell.size();
    addGates(layout.offset(name + ".xh"), inputs, h);
    addGates(layout.offset(name + ".hh"), h, h);
    if (cell instanceof LstmSpec lstm && lstm.peepholes()) {
      for (String gate : PEEPHOLES) {
        addRow(layout.offset(name + "." + gate), h);
      }
    }
    addGates(layout.offset(name + ".b"), 1, h);
  }

  /** A block of rows [4 h] by gates and columns. */
  private void addGates(int offset, int rows, int h) {
    for (int gate : GATES) {
      addColumns(offset, rows, 4 * h, gate * h, (gate + 1) * h);
    }
  }

  private void addColumns(int offset, int rows, int width, int from, int to) {
    for (int column = from; column < to; column++) {
      for (int row = 0; row < rows; row++) {
        ours[at++] = offset + row * width + column;
      }
    }
  }

  private void addRow(int offset, int length) {
    addColumns(offset, 1, length, 0, length);
  }

  /**
   * Puts values into Deeplearning4j's order.
   *
   * @param spec the model
   * @param values [parameters] in the order of the model's layout; read only
   * @return [parameters], a new array
   * @throws IllegalArgumentException when the number of values is not the model's
   */
  public static float[] toDl4j(RegressorSpec spec, float[] values) {
    int[] ours = checked(spec, values.length);
    float[] theirs = new float[ours.length];
    for (int i = 0; i < ours.length; i++) {
      theirs[i] = values[ours[i]];
    }
    return theirs;
  }

  /**
   * Puts values of Deeplearning4j into the order of the model's layout.
   *
   * @param spec the model
   * @param values [parameters] in Deeplearning4j's order; read only
   * @return [parameters], a new array
   * @throws IllegalArgumentException when the number of values is not the model's
   */
  public static float[] fromDl4j(RegressorSpec spec, float[] values) {
    int[] ours = checked(spec, values.length);
    float[] turned = new float[ours.length];
    for (int i = 0; i < ours.length; i++) {
      turned[ours[i]] = values[i];
    }
    return turned;
  }

  private static int[] checked(RegressorSpec spec, int found) {
    int expected = spec.layout().size();
    if (found != expected) {
      throw new IllegalArgumentException(
          "parameters length: expected " + expected + ", found " + found);
    }
    return new Dl4jOrder(spec).ours;
  }
}
