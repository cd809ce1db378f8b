package dev.recall.job;

import dev.recall.job.config.RunConfig;
import dev.recall.job.registry.ModelRegistry;
import dev.recall.job.registry.ModelVersion;
import dev.recall.job.store.Checkpoint;
import dev.recall.model.Predictor;
import dev.recall.model.recurrent.Engines;
import java.util.concurrent.ConcurrentLinkedQueue;

/** One version of a model, for predictions. Serves any number of threads. */
public final class ServedModel {

  private final int version;
  private final RunConfig config;
  private final float[] parameters;
  private final ConcurrentLinkedQueue<Predictor> idle = new ConcurrentLinkedQueue<>();

  private ServedModel(int version, RunConfig config, float[] parameters) {
    this.version = version;
    this.config = config;
    this.parameters = parameters;
  }

  /** Reads a version and holds it to its digests. */
  static ServedModel read(ModelRegistry registry, int number) {
    ModelVersion version = registry.version(number);
    // Its name says nothing of a round, unlike a checkpoint's.
    Checkpoint.Restored model =
        Checkpoint.decode(
            registry.directory(number) + "/" + ModelVersion.MODEL,
            registry.read(version, ModelVersion.MODEL));
    return new ServedModel(number, model.config(), model.state().result());
  }

  /**
   * Returns the version's number.
   *
   * @return at least 1
   */
  public int version() {
    return version;
  }

  RunConfig config() {
    return config;
  }

  float[] parameters() {
    return parameters;
  }

  /**
   * Runs the network over a batch of sequences, from the zero state.
   *
   * @param inputs [T, B, inputSize], time-major; read only
   * @param steps number of time steps T
   * @param batchSize number of sequences B
   * @return outputs [T, B, outputSize]
   * @throws IllegalArgumentException when a shape does not fit the model, naming both
   */
  public float[] predict(float[] inputs, int steps, int batchSize) {
    float[] outputs = new float[Math.max(0, steps * batchSize * config.model().outputSize())];
    Predictor taken = idle.poll();
    Predictor predictor = taken != null ? taken : Engines.create(config.model());
    predictor.predict(parameters, inputs, steps, batchSize, outputs);
    idle.add(predictor);
    return outputs;
  }
}
