package dev.recall.model;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The layers of a recurrent regressor: inputs, a stack of recurrent layers and a linear read-out at
 * every time step, as {@code theanets.recurrent.Regressor(layers=[1, ('lstm', 10), 1])}.
 *
 * @param inputSize number of inputs per time step, at least 1
 * @param cells recurrent layers from the input upwards, at least one; named {@code hid1}, {@code
 *     hid2}, …
 * @param outputSize number of outputs per time step, at least 1
 */
public record RegressorSpec(int inputSize, List<CellSpec> cells, int outputSize)
    implements Serializable {

  private static final Pattern LAYER =
      Pattern.compile(
          "\\(\\s*(?:['\"]?(\\w+)['\"]?\\s*,\\s*(-?\\d+)|(-?\\d+)\\s*,\\s*['\"]?(\\w+)['\"]?)\\s*\\)");
  private static final int MOST_CHARACTERS = 4096; // the pattern of split() takes their square
  private static final String EXPECTED = "expected [inputs, (lstm, SIZE), ..., outputs]";

  /**
   * Checks the sizes and copies the list.
   *
   * @param inputSize as above
   * @param cells as above
   * @param outputSize as above
   */
  public RegressorSpec {
    if (inputSize < 1 || outputSize < 1 || cells.isEmpty()) {
      throw new IllegalArgumentException(
          "layers: expected at least 1 input, 1 recurrent layer and 1 output, found "
              + inputSize
              + ", "
              + cells.size()
              + ", "
              + outputSize);
    }
    cells = List.copyOf(cells);
  }

  /**
   * Reads the seed's notation: {@code [1, (lstm, 10), 1]}, also with quotes around names, form and
   * size in either order, and several recurrent layers.
   *
   * @param layers the text
   * @param peepholes whether LSTM layers have peepholes
   * @return the spec
   * @throws IllegalArgumentException naming the part that is not understood
   */
  public static RegressorSpec parse(String layers, boolean peepholes) {
    if (layers.length() > MOST_CHARACTERS) {
      throw new IllegalArgumentException(
          "layers: expected at most " + MOST_CHARACTERS + " characters, found " + layers.length());
    }
    String text = layers.strip();
    if (!text.startsWith("[") || !text.endsWith("]")) {
      throw new IllegalArgumentException(EXPECTED + ", found " + layers);
    }
    List<String> parts = split(text.substring(1, text.length() - 1));
    if (parts.size() < 3) {
      throw new IllegalArgumentException(EXPECTED + ", found " + layers);
    }
    List<CellSpec> cells = new ArrayList<>();
    for (String part : parts.subList(1, parts.size() - 1)) {
      cells.add(cell(part, peepholes));
    }
    return new RegressorSpec(size(parts.get(0)), cells, size(parts.get(parts.size() - 1)));
  }

  /** Splits at the commas that stand outside parentheses. */
  private static List<String> split(String text) {
    return List.of(text.strip().split("\\s*,\\s*(?![^()]*\\))", -1));
  }

  private static CellSpec cell(String part, boolean peepholes) {
    Matcher matcher = LAYER.matcher(part);
    if (!matcher.matches()) {
      throw new IllegalArgumentException(
          "recurrent layer: expected (lstm, SIZE), found " + (part.isEmpty() ? "nothing" : part));
    }
    String form = matcher.group(1) != null ? matcher.group(1) : matcher.group(4);
    int size = size(matcher.group(2) != null ? matcher.group(2) : matcher.group(3));
    if (!form.equals("lstm")) {
      throw new IllegalArgumentException(
          "form of a recurrent layer: expected one of lstm, found " + form);
    }
    return new LstmSpec(size, peepholes);
  }

  private static int size(String text) {
    try {
      int size = Integer.parseInt(text);
      if (size >= 1) {
        return size;
      }
    } catch (NumberFormatException e) {
      // reported below, with the text
    }
    throw new IllegalArgumentException(
        "layer size: expected a whole number of at least 1, found "
            + (text.isEmpty() ? "nothing" : text));
  }

  /**
   * Returns the notation that {@link #parse} reads.
   *
   * @return for example {@code [1, (lstm, 10), 1]}
   */
  public String layers() {
    StringBuilder text = new StringBuilder("[").append(inputSize);
    for (CellSpec cell : cells) {
      text.append(", (").append(cell.form()).append(", ").append(cell.size()).append(')');
    }
    return text.append(", ").append(outputSize).append(']').toString();
  }

  /**
   * Returns where each parameter block lies in the flat array: the recurrent layers from the input
   * upwards, then {@code out.w} [size of the last layer, outputSize] and {@code out.b}
   * [outputSize].
   *
   * @return the layout
   */
  public ParameterLayout layout() {
    List<ParameterLayout.Shape> shapes = new ArrayList<>();
    int inputs = inputSize;
    for (int layer = 0; layer < cells.size(); layer++) {
      shapes.addAll(cells.get(layer).shapes(layerName(layer), inputs));
      inputs = cells.get(layer).size();
    }
    shapes.add(new ParameterLayout.Shape("out.w", List.of(inputs, outputSize)));
    shapes.add(new ParameterLayout.Shape("out.b", List.of(outputSize)));
    return ParameterLayout.of(shapes);
  }

  /**
   * Returns the name of a recurrent layer.
   *
   * @param layer index from 0
   * @return {@code hid1} for 0, and so on
   */
  public static String layerName(int layer) {
    return "hid" + (layer + 1);
  }
}
