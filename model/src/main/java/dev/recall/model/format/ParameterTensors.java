package dev.recall.model.format;

import dev.recall.model.CellSpec;
import dev.recall.model.LstmSpec;
import dev.recall.model.ParameterLayout;
import dev.recall.model.ParameterLayout.Block;
import dev.recall.model.RegressorSpec;
import dev.recall.model.format.TensorFile.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** Cuts a flat array of parameters, or a vector of their length, into named tensors and back. */
public final class ParameterTensors {

  /** What a checkpoint holds beside the parameters. */
  private static final List<String> STATE = List.of("optimizer.", "best.", "back.");

  private ParameterTensors() {}

  /**
   * Cuts a vector into one tensor per block.
   *
   * @param prefix put before the block's name, for example {@code optimizer.velocity.}
   * @param layout blocks of the vector
   * @param values [parameters], copied
   * @return tensors in the order of the blocks
   */
  public static List<Tensor> of(String prefix, ParameterLayout layout, float[] values) {
    List<Tensor> tensors = new ArrayList<>();
    for (Block block : layout.blocks()) {
      float[] part = Arrays.copyOfRange(values, block.offset(), block.offset() + block.length());
      tensors.add(new Tensor(prefix + block.name(), block.dimensions(), part));
    }
    return tensors;
  }

  /**
   * Puts a vector together from a file.
   *
   * @param file holds one tensor per block, named prefix and block
   * @param prefix as in {@link #of}
   * @param layout blocks that the model has
   * @return [parameters]
   * @throws FormatException naming every block that is missing or of another shape
   */
  public static float[] read(TensorFile file, String prefix, ParameterLayout layout)
      throws FormatException {
    Map<String, Tensor> tensors = byName(file);
    List<String> expected = new ArrayList<>();
    List<String> found = new ArrayList<>();
    for (Block block : layout.blocks()) {
      Optional<List<Integer>> shape =
          Optional.ofNullable(tensors.get(prefix + block.name())).map(Tensor::shape);
      if (!shape.equals(Optional.of(block.dimensions()))) {
        expected.add(prefix + block.name() + " " + block.dimensions());
        found.add(shape.map(List::toString).orElse("nothing"));
      }
    }
    if (!expected.isEmpty()) {
      throw new FormatException(String.join(", ", expected), String.join(", ", found));
    }
    // Not before: the file has these values, so they fit into memory once more.
    float[] values = new float[layout.size()];
    for (Block block : layout.blocks()) {
      float[] part = tensors.get(prefix + block.name()).values();
      System.arraycopy(part, 0, values, block.offset(), block.length());
    }
    return values;
  }

  private static Map<String, Tensor> byName(TensorFile file) {
    Map<String, Tensor> tensors = new HashMap<>();
    file.tensors().forEach(tensor -> tensors.put(tensor.name(), tensor));
    return tensors;
  }

  /**
   * Reads the parameters of a model and refuses a file that holds blocks of a larger one.
   *
   * @param file the file; tensors under {@code optimizer.}, {@code best.} and {@code back.} are not
   *     looked at
   * @param layout blocks that the model has
   * @return [parameters]
   * @throws FormatException naming blocks that are missing, of another shape or too many
   */
  public static float[] readModel(TensorFile file, ParameterLayout layout) throws FormatException {
    float[] values = read(file, "", layout);
    List<String> blocks = layout.blocks().stream().map(Block::name).toList();
    Set<String> known = new HashSet<>(blocks);
    for (String name : file.names()) {
      if (STATE.stream().noneMatch(name::startsWith) && !known.contains(name)) {
        throw new FormatException("only the model's blocks " + blocks, name);
      }
    }
    return values;
  }

  /**
   * Finds out of which model a file's blocks are, as far as their shapes say.
   *
   * @param file any file
   * @return the layers; nothing when there are no such blocks
   */
  public static Optional<RegressorSpec> spec(TensorFile file) {
    Map<String, Tensor> tensors = byName(file);
    List<CellSpec> cells = new ArrayList<>();
    while (true) {
      String layer = RegressorSpec.layerName(cells.size());
      int units = size(tensors, layer + ".hh", 2, 0);
      if (units < 1 || units > Integer.MAX_VALUE / 4) {
        break;
      }
      cells.add(new LstmSpec(units, tensors.containsKey(layer + ".ci")));
    }
    int inputs = size(tensors, "hid1.xh", 2, 0);
    int outputs = size(tensors, "out.b", 1, 0);
    return cells.isEmpty() || inputs < 1 || outputs < 1
        ? Optional.empty()
        : Optional.of(new RegressorSpec(inputs, cells, outputs));
  }

  /** One dimension of a tensor with so many; 0 when there is no such tensor. */
  static int size(Map<String, Tensor> tensors, String name, int dimensions, int dimension) {
    Tensor tensor = tensors.get(name);
    return tensor == null || tensor.shape().size() != dimensions
        ? 0
        : tensor.shape().get(dimension);
  }
}
