package dev.recall.model;

import java.io.Serializable;
import java.util.List;

/**
 * One recurrent layer of a {@link RegressorSpec}: its size and its parameter blocks.
 *
 * <p>Sealed because the engine, the initializers and the file formats must each handle every cell.
 */
public sealed interface CellSpec extends Serializable permits LstmSpec {

  /**
   * Returns the number of units, which is the number of outputs per time step.
   *
   * @return hidden size, at least 1
   */
  int size();

  /**
   * Returns the name that {@link RegressorSpec#parse} reads.
   *
   * @return the form in lower case, for example {@code lstm}
   */
  String form();

  /**
   * Returns the shapes of the parameter blocks in their order in the flat array.
   *
   * @param layer name of the layer, for example {@code hid1}
   * @param inputSize number of inputs per time step
   * @return one entry per block, named {@code layer.block}
   */
  List<ParameterLayout.Shape> shapes(String layer, int inputSize);
}
