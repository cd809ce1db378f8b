package dev.recall.model;

/** Computes the outputs of a regressor. Serves one thread at a time. */
public interface Predictor {

  /**
   * Runs the network over a batch of sequences from the zero state.
   *
   * @param parameters flat parameters in the order of the model's layout; read only
   * @param inputs [T, B, inputSize], time-major; read only
   * @param steps number of time steps T
   * @param batchSize number of sequences B
   * @param outputs [T, B, outputSize], overwritten
   * @throws IllegalArgumentException when a shape does not fit the model, naming both
   */
  void predict(float[] parameters, float[] inputs, int steps, int batchSize, float[] outputs);
}
