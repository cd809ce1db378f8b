package dev.recall.job.spark.predict;

import dev.recall.job.config.RunConfig;
import dev.recall.job.config.UserError;
import dev.recall.job.registry.ModelRegistry;
import dev.recall.job.registry.ModelVersion;
import dev.recall.job.store.Checkpoint;
import dev.recall.job.store.Checkpoints;
import dev.recall.job.store.Storage;
import dev.recall.model.CellSpec;
import dev.recall.model.LstmSpec;
import dev.recall.model.RegressorSpec;
import dev.recall.model.format.FormatException;
import dev.recall.model.format.ParameterTensors;
import dev.recall.model.format.Safetensors;
import dev.recall.model.format.TensorFile;
import java.io.IOException;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * A network and where it comes from.
 *
 * @param origin file that its parameters were read from
 * @param version of the registry, 0 when it does not come from one
 * @param spec its layers
 * @param parameters [parameters], in the order of the spec's layout; not copied
 */
public record ScoredModel(String origin, int version, RegressorSpec spec, float[] parameters)
    implements Serializable {

  private static final String FORMAT = "recall_model";
  private static final String ORIGIN = "origin";
  private static final String VERSION = "version";
  private static final String LAYERS = "layers";
  private static final String DIGEST = "parameters_sha256";

  /**
   * Checks the parameters.
   *
   * @param origin as above
   * @param version as above
   * @param spec as above
   * @param parameters as above
   * @throws UserError when one is not finite
   */
  public ScoredModel {
    for (float parameter : parameters) {
      if (!Float.isFinite(parameter)) {
        throw new UserError(origin + ": expected finite parameters, found " + parameter);
      }
    }
  }

  /**
   * Reads what a run stands for: the best validated parameters of its newest checkpoint that is
   * whole, without early stopping the last ones.
   *
   * @param storage file systems
   * @param path a run directory, or one of its checkpoints
   * @param lines receives what is said of checkpoints that are not whole
   * @return the model
   * @throws UserError when it cannot be read
   */
  public static ScoredModel ofRun(Storage storage, String path, Consumer<String> lines) {
    String place = storage.qualify(path);
    if (storage.isDirectory(place)) {
      Checkpoints.Found newest = Checkpoints.newest(storage, place);
      newest.passedOver().forEach(damaged -> lines.accept("passed over: " + damaged.message()));
      return of(newest.path(), 0, newest.restored());
    }
    return of(place, 0, Checkpoint.decode(place, storage.read(place)));
  }

  /**
   * Reads a version of a registry and holds it to its digests.
   *
   * @param models the registry
   * @param version its number
   * @return the model
   * @throws UserError when the version is not there or cannot be read
   */
  public static ScoredModel ofVersion(ModelRegistry models, int version) {
    String file = models.directory(version) + "/" + ModelVersion.MODEL;
    byte[] bytes = models.read(models.version(version), ModelVersion.MODEL);
    return of(file, version, Checkpoint.decode(file, bytes));
  }

  private static ScoredModel of(String file, int version, Checkpoint.Restored restored) {
    RunConfig config = restored.config();
    return new ScoredModel(file, version, config.model(), restored.state().result());
  }

  /**
   * Returns the digest of the parameters.
   *
   * @return 64 hexadecimal digits
   */
  public String sha256() {
    return Safetensors.sha256(parameters);
  }

  /**
   * Writes the model to a file of its own.
   *
   * @param storage file systems
   * @param file safetensors with the blocks of the network, and its layers as metadata
   * @throws IOException when it cannot be written
   */
  void write(Storage storage, String file) throws IOException {
    storage.write(file, encoded());
  }

  /** The bytes of the same. */
  byte[] encoded() {
    Map<String, String> metadata = new LinkedHashMap<>();
    metadata.put(FORMAT, "1");
    metadata.put(ORIGIN, origin);
    metadata.put(VERSION, String.valueOf(version));
    metadata.put(LAYERS, spec.layers());
    metadata.put(DIGEST, sha256());
    List<TensorFile.Tensor> blocks = ParameterTensors.of("", spec.layout(), parameters);
    return Safetensors.encode(new TensorFile(metadata, blocks));
  }

  /** Reads what {@link #write} wrote. */
  static ScoredModel read(Storage storage, String file) {
    return decode(file, storage.read(file));
  }

  /** The same; the bytes are untrusted. */
  static ScoredModel decode(String file, byte[] bytes) {
    TensorFile tensors = Checkpoint.tensors(file, bytes);
    try {
      expect(tensors, FORMAT, "1");
      String version = metadata(tensors, VERSION);
      if (!version.matches("\\d{1,9}")) {
        throw new FormatException("a number as metadata " + VERSION, version);
      }
      RegressorSpec spec = spec(tensors);
      float[] parameters = ParameterTensors.readModel(tensors, spec.layout());
      expect(tensors, DIGEST, Safetensors.sha256(parameters));
      return new ScoredModel(
          metadata(tensors, ORIGIN), Integer.parseInt(version), spec, parameters);
    } catch (FormatException | IllegalArgumentException e) {
      throw new UserError(file + ": not a model of Recall: " + e.getMessage());
    }
  }

  /** A layer has peepholes when the file has them. */
  private static RegressorSpec spec(TensorFile file) throws FormatException {
    RegressorSpec layers = RegressorSpec.parse(metadata(file, LAYERS), false);
    List<CellSpec> cells = new ArrayList<>();
    for (int l = 0; l < layers.cells().size(); l++) {
      boolean peepholes = file.find(RegressorSpec.layerName(l) + ".ci").isPresent();
      cells.add(new LstmSpec(layers.cells().get(l).size(), peepholes));
    }
    return new RegressorSpec(layers.inputSize(), cells, layers.outputSize());
  }

  private static void expect(TensorFile file, String key, String value) throws FormatException {
    String found = metadata(file, key);
    if (!found.equals(value)) {
      throw new FormatException("metadata " + key + " " + value, found);
    }
  }

  private static String metadata(TensorFile file, String key) throws FormatException {
    String value = file.metadata().get(key);
    if (value == null) {
      throw new FormatException("metadata " + key, "nothing");
    }
    return value;
  }
}
