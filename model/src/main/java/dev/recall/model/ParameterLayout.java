package dev.recall.model;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Named blocks in one flat {@code float[]} of parameters, each block row-major. */
public final class ParameterLayout {

  private final List<Block> blocks;
  private final int size;

  private ParameterLayout(List<Block> blocks, int size) {
    this.blocks = List.copyOf(blocks);
    this.size = size;
  }

  /**
   * Lays blocks one behind the other.
   *
   * @param shapes names and shapes in order
   * @return the layout
   * @throws IllegalArgumentException if there are more than 2^31 - 1 parameters
   */
  public static ParameterLayout of(List<Shape> shapes) {
    List<Block> blocks = new ArrayList<>();
    long offset = 0;
    for (Shape shape : shapes) {
      long length = 1;
      for (int dimension : shape.dimensions()) {
        length *= dimension;
      }
      if (offset + length > Integer.MAX_VALUE) {
        throw new IllegalArgumentException(
            "parameters: expected at most "
                + Integer.MAX_VALUE
                + ", found more at "
                + shape.name());
      }
      blocks.add(new Block(shape.name(), shape.dimensions(), (int) offset, (int) length));
      offset += length;
    }
    return new ParameterLayout(blocks, (int) offset);
  }

  /**
   * Returns all blocks.
   *
   * @return in the order in which they lie in the array
   */
  public List<Block> blocks() {
    return blocks;
  }

  /**
   * Returns the number of parameters.
   *
   * @return length of the flat array
   */
  public int size() {
    return size;
  }

  /**
   * Finds a block.
   *
   * @param name for example {@code hid1.xh}
   * @return the block, or nothing when the model has none of that name
   */
  public Optional<Block> find(String name) {
    return blocks.stream().filter(block -> block.name().equals(name)).findFirst();
  }

  /**
   * Returns where a block begins.
   *
   * @param name for example {@code hid1.xh}
   * @return offset into the flat array
   * @throws IllegalArgumentException when there is no such block
   */
  public int offset(String name) {
    return find(name)
        .orElseThrow(
            () -> new IllegalArgumentException("no parameter block " + name + " in " + blocks))
        .offset();
  }

  /**
   * A block before it has a place.
   *
   * @param name for example {@code hid1.xh}
   * @param dimensions sizes, [rows, columns] or [length]
   */
  public record Shape(String name, List<Integer> dimensions) {
    /**
     * Copies the list.
     *
     * @param name as above
     * @param dimensions as above
     */
    public Shape {
      dimensions = List.copyOf(dimensions);
    }
  }

  /**
   * A block in its place.
   *
   * @param name for example {@code hid1.xh}
   * @param dimensions sizes, [rows, columns] or [length]
   * @param offset first index in the flat array
   * @param length number of values
   */
  public record Block(String name, List<Integer> dimensions, int offset, int length) {}
}
