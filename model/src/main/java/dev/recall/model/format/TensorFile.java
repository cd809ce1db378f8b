package dev.recall.model.format;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Named float arrays with text about them: what a safetensors file holds.
 *
 * @param metadata free text by key
 * @param tensors in file order, names unique
 */
public record TensorFile(Map<String, String> metadata, List<Tensor> tensors) {

  /**
   * Copies the collections, keeping their order.
   *
   * @param metadata as above
   * @param tensors as above
   */
  public TensorFile {
    metadata = Collections.unmodifiableMap(new LinkedHashMap<>(metadata));
    tensors = List.copyOf(tensors);
    long names = tensors.stream().map(Tensor::name).distinct().count();
    if (names != tensors.size()) {
      throw new IllegalArgumentException(
          "tensors: expected unique names, found " + tensors.stream().map(Tensor::name).toList());
    }
  }

  /**
   * Finds a tensor.
   *
   * @param name its name
   * @return the tensor, or nothing
   */
  public Optional<Tensor> find(String name) {
    return tensors.stream().filter(tensor -> tensor.name().equals(name)).findFirst();
  }

  /**
   * Names all tensors.
   *
   * @return names in file order
   */
  public List<String> names() {
    List<String> names = new ArrayList<>();
    tensors.forEach(tensor -> names.add(tensor.name()));
    return names;
  }

  /**
   * A float array with a name and a shape.
   *
   * @param name its name
   * @param shape sizes of the dimensions, row-major
   * @param values the values; their number is the product of the shape
   */
  public record Tensor(String name, List<Integer> shape, float[] values) {

    /**
     * Checks the length.
     *
     * @param name as above
     * @param shape as above
     * @param values as above
     */
    public Tensor {
      shape = List.copyOf(shape);
      long length = 1;
      for (int dimension : shape) {
        length *= dimension;
      }
      if (length != values.length) {
        throw new IllegalArgumentException(
            "tensor "
                + name
                + ": expected "
                + length
                + " values for shape "
                + shape
                + ", found "
                + values.length);
      }
    }
  }
}
