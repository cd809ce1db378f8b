package dev.recall.model;

/** Draws the parameters that training starts from. */
public interface Initializer {

  /**
   * Returns fresh parameters, a pure function of the arguments.
   *
   * @param spec the model
   * @param seed run seed
   * @return flat parameters in the order of {@link RegressorSpec#layout}
   */
  float[] initialize(RegressorSpec spec, long seed);
}
