package dev.recall.job;

import dev.recall.job.config.ConfigSource;
import dev.recall.job.config.InvalidConfig;
import dev.recall.job.config.RunConfig;
import dev.recall.job.config.UserError;
import dev.recall.job.registry.ModelRegistry;
import dev.recall.job.registry.ModelVersion;
import dev.recall.job.store.Checkpoint;
import dev.recall.job.store.Checkpoints;
import dev.recall.job.store.Storage;
import dev.recall.model.format.Safetensors;
import dev.recall.model.format.TensorFile;
import java.io.PrintWriter;
import java.util.List;
import java.util.Optional;

/**
 * A trained model that a command was given.
 *
 * @param file its path
 * @param sha256 digest of the file
 * @param tensors what the file holds
 * @param config settings: the file's, below those of the user
 * @param parameters the best validated ones where it has them, else the current ones
 */
record GivenModel(
    String file, String sha256, TensorFile tensors, RunConfig config, float[] parameters) {

  /** Reads a run's newest checkpoint that is whole, or a safetensors file. */
  static GivenModel read(Storage storage, String path, ConfigOptions options, PrintWriter err)
      throws InvalidConfig {
    if (!storage.isDirectory(path)) {
      return of(storage, path, storage.read(path), options);
    }
    Checkpoints.Found found = Checkpoints.newest(storage, path);
    found.passedOver().forEach(damaged -> err.println(damaged.message()));
    return of(storage, found.path(), found.bytes(), options);
  }

  /** Reads a version and holds it to its digests. */
  static GivenModel ofVersion(
      Storage storage, ModelRegistry registry, int version, ConfigOptions options)
      throws InvalidConfig {
    byte[] bytes = registry.read(registry.version(version), ModelVersion.MODEL);
    return of(storage, registry.directory(version) + "/" + ModelVersion.MODEL, bytes, options);
  }

  private static GivenModel of(Storage storage, String file, byte[] bytes, ConfigOptions options)
      throws InvalidConfig {
    TensorFile tensors = Checkpoint.tensors(file, bytes);
    List<ConfigSource> settings =
        Optional.ofNullable(tensors.metadata().get("config"))
            .map(text -> List.of(ConfigSource.stored(file, text)))
            .orElse(List.of());
    RunConfig config = options.load(storage, settings);
    float[] parameters = Checkpoint.result(file, tensors, config.model().layout());
    return new GivenModel(file, Safetensors.sha256(bytes), tensors, config, parameters);
  }

  /** Whether the parameters are those of the best validation, not those of the round. */
  boolean hasBest() {
    return Checkpoint.hasBest(tensors);
  }

  /** Rounds that it was trained for; 0 when the file does not say. */
  long rounds() {
    String round = tensors.metadata().getOrDefault("round", "0");
    if (!round.matches("\\d{1,9}")) {
      throw new UserError(file + ": expected a number as metadata round, found " + round);
    }
    return Long.parseLong(round);
  }
}
