package dev.recall.model;

import java.util.ArrayList;
import java.util.List;

/**
 * A long short-term memory layer as theanets has it.
 *
 * <pre>
 * [zi zf zc zo] = x_t xh + b + h_{t-1} hh
 * i = sigmoid(zi + c_{t-1} * ci)      f = sigmoid(zf + c_{t-1} * cf)
 * c_t = f * c_{t-1} + i * tanh(zc)
 * o = sigmoid(zo + c_t * co)          h_t = o * tanh(c_t)
 * </pre>
 *
 * The initial state is zero. Gates lie in the order i, f, c, o. Source: theanets,
 * layers/recurrent.py; Gers and Schmidhuber, "Recurrent nets that time and count" (2000), for the
 * peepholes, here diagonal.
 *
 * @param size number of units, at least 1; a gate block is four times as wide and its width an int
 * @param peepholes whether the gates see the cell state through {@code ci}, {@code cf}, {@code co}
 */
public record LstmSpec(int size, boolean peepholes) implements CellSpec {

  /**
   * Checks the size.
   *
   * @param size as above
   * @param peepholes as above
   */
  public LstmSpec {
    if (size < 1) {
      throw new IllegalArgumentException("lstm size: expected at least 1, found " + size);
    }
    if (size > Integer.MAX_VALUE / 4) {
      throw new IllegalArgumentException(
          "lstm size: expected at most " + Integer.MAX_VALUE / 4 + ", found " + size);
    }
  }

  @Override
  public String form() {
    return "lstm";
  }

  @Override
  public List<ParameterLayout.Shape> shapes(String layer, int inputSize) {
    List<ParameterLayout.Shape> shapes = new ArrayList<>();
    shapes.add(new ParameterLayout.Shape(layer + ".xh", List.of(inputSize, 4 * size)));
    shapes.add(new ParameterLayout.Shape(layer + ".hh", List.of(size, 4 * size)));
    shapes.add(new ParameterLayout.Shape(layer + ".b", List.of(4 * size)));
    if (peepholes) {
      for (String gate : List.of("ci", "cf", "co")) {
        shapes.add(new ParameterLayout.Shape(layer + "." + gate, List.of(size)));
      }
    }
    return shapes;
  }
}
