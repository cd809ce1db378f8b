package dev.recall.model.format;

import dev.recall.model.CellSpec;
import dev.recall.model.LstmSpec;
import dev.recall.model.ParameterLayout;
import dev.recall.model.ParameterLayout.Block;
import dev.recall.model.RegressorSpec;
import dev.recall.model.format.TensorFile.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * The parameters of a regressor as PyTorch's {@code nn.LSTM} and {@code nn.Linear} name them.
 *
 * <p>For layer k of an LSTM with H units: {@code weight_ih_lk} [4H, inputs], {@code weight_hh_lk}
 * [4H, H], {@code bias_ih_lk} and {@code bias_hh_lk} [4H], whose sum counts; the rows are the gates
 * i, f, g, o, and g is the candidate c. So they are transposes of our blocks, in the same order.
 * There are no peepholes. Source: PyTorch 1.13, documentation of torch.nn.LSTM.
 */
public final class TorchStateDict {

  private static final String LSTM = "lstm.";
  private static final String LINEAR = "linear.";

  /** Prefix, kind, layer, and the mark of the other direction. */
  static final Pattern NAME =
      Pattern.compile(
          "((?:.*\\.)?)(weight_ih|weight_hh|bias_ih|bias_hh|weight_hr)_l(\\d{1,6})((?:_reverse)?)",
          Pattern.DOTALL);

  private TorchStateDict() {}

  /**
   * Tells whether a file holds the parameters of an {@code nn.LSTM}.
   *
   * @param file any file
   * @return whether a tensor has a name of that module
   */
  public static boolean isOne(TensorFile file) {
    return file.names().stream().anyMatch(name -> NAME.matcher(name).matches());
  }

  /**
   * Converts parameters for a module with {@code self.lstm} and {@code self.linear}. All of the
   * bias is in {@code bias_ih}.
   *
   * @param spec layers, all of one size and without peepholes
   * @param parameters [parameters], read only
   * @return tensors by layer, then those of the read-out
   * @throws IllegalArgumentException when PyTorch's module has no such layers
   */
  public static List<Tensor> of(RegressorSpec spec, float[] parameters) {
    checkThatTorchHas(spec);
    ParameterLayout layout = spec.layout();
    List<Tensor> tensors = new ArrayList<>();
    for (int layer = 0; layer < spec.cells().size(); layer++) {
      String ours = RegressorSpec.layerName(layer);
      Block b = layout.find(ours + ".b").orElseThrow();
      float[] bias = Arrays.copyOfRange(parameters, b.offset(), b.offset() + b.length());
      tensors.add(
          transposed(
              LSTM + "weight_ih_l" + layer, layout.find(ours + ".xh").orElseThrow(), parameters));
      tensors.add(
          transposed(
              LSTM + "weight_hh_l" + layer, layout.find(ours + ".hh").orElseThrow(), parameters));
      tensors.add(new Tensor(LSTM + "bias_ih_l" + layer, b.dimensions(), bias));
      tensors.add(new Tensor(LSTM + "bias_hh_l" + layer, b.dimensions(), new float[bias.length]));
    }
    tensors.add(transposed(LINEAR + "weight", layout.find("out.w").orElseThrow(), parameters));
    Block b = layout.find("out.b").orElseThrow();
    float[] bias = Arrays.copyOfRange(parameters, b.offset(), b.offset() + b.length());
    tensors.add(new Tensor(LINEAR + "bias", b.dimensions(), bias));
    return tensors;
  }

  private static void checkThatTorchHas(RegressorSpec spec) {
    List<String> problems = new ArrayList<>();
    if (hasPeepholes(spec)) {
      problems.add("no peepholes, found model.peepholes=true");
    }
    if (spec.cells().stream().map(CellSpec::size).distinct().count() > 1) {
      problems.add("layers of one size, found model.layers=" + spec.layers());
    }
    if (!problems.isEmpty()) {
      throw new IllegalArgumentException(
          "for PyTorch's nn.LSTM: expected " + String.join("; expected ", problems));
    }
  }

  static boolean hasPeepholes(RegressorSpec spec) {
    return spec.cells().stream()
        .anyMatch(cell -> cell instanceof LstmSpec lstm && lstm.peepholes());
  }

  private static Tensor transposed(String name, Block block, float[] parameters) {
    int rows = block.dimensions().get(0);
    int columns = block.dimensions().get(1);
    float[] values =
        Arrays.copyOfRange(parameters, block.offset(), block.offset() + block.length());
    return new Tensor(name, List.of(columns, rows), transposed(values, rows, columns));
  }

  /** From [rows, columns] to [columns, rows]. */
  static float[] transposed(float[] values, int rows, int columns) {
    float[] transposed = new float[values.length];
    for (int row = 0; row < rows; row++) {
      for (int column = 0; column < columns; column++) {
        transposed[column * rows + row] = values[row * columns + column];
      }
    }
    return transposed;
  }

  /**
   * Reads parameters. The names may have any prefix; beside those of one {@code nn.LSTM} there are
   * a 2-D weight and a 1-D bias, the read-out, whatever their names.
   *
   * @param file tensors of a state dict
   * @param spec layers that the model has
   * @return [parameters], the two biases added
   * @throws FormatException naming every tensor that is missing, of another shape or too many
   */
  public static float[] read(TensorFile file, RegressorSpec spec) throws FormatException {
    return new TorchReader(file).parameters(spec);
  }

  /**
   * Finds out of which model a file's tensors are, as far as their shapes say.
   *
   * @param file tensors of a state dict
   * @return the layers; nothing when one is missing
   */
  public static Optional<RegressorSpec> spec(TensorFile file) {
    return new TorchReader(file).layers();
  }
}
