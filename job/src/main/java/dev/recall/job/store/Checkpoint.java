package dev.recall.job.store;

import dev.recall.datagen.BatchKey;
import dev.recall.job.config.ConfigLoader;
import dev.recall.job.config.ConfigSource;
import dev.recall.job.config.InvalidConfig;
import dev.recall.job.config.RunConfig;
import dev.recall.job.config.UserError;
import dev.recall.job.train.BestSoFar;
import dev.recall.job.train.ShardPlan;
import dev.recall.job.train.Snapshot;
import dev.recall.job.train.TrainingState;
import dev.recall.model.ParameterLayout;
import dev.recall.model.format.FormatException;
import dev.recall.model.format.ParameterTensors;
import dev.recall.model.format.Safetensors;
import dev.recall.model.format.TensorFile;
import dev.recall.model.format.TensorFile.Tensor;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A training state as a safetensors file.
 *
 * <p>Tensors: the parameter blocks under their names; {@code optimizer.SLOT.BLOCK} for the driver's
 * optimizer, {@code optimizer.local.SLOT.BLOCK} for the local one, {@code best.BLOCK} for the best
 * validated parameters when early stopping is on. All of these once more under {@code back.} when
 * the state that a rejected round would go back to is an earlier one. Metadata: {@code
 * recall_format}, {@code round}, {@code examples}, {@code rejected}, {@code chain}, {@code seed},
 * {@code parameters_sha256}, {@code config} (text that {@code --config} reads), {@code best_loss}
 * and {@code best_misses}, and {@code metadata_sha256} over all of these, so that a damaged number
 * is found like a damaged value.
 */
public final class Checkpoint {

  /** Value of the metadata key {@code recall_format}. */
  static final String FORMAT = "2";

  private static final String METADATA_DIGEST = "metadata_sha256";
  private static final String SLOT = "optimizer.";
  private static final String LOCAL_SLOT = "optimizer.local.";
  private static final String BEST = "best.";
  private static final String BACK = "back.";

  private static final Pattern NAME = Pattern.compile("(?:^|/)round-(\\d{1,9})\\.safetensors$");

  private Checkpoint() {}

  /**
   * A checkpoint as it was read.
   *
   * @param config of the run at that time
   * @param now the state
   * @param back where a rejected round would go back to
   */
  public record Restored(RunConfig config, Snapshot now, Snapshot back) {

    /**
     * Returns the state to go on from.
     *
     * @return a fresh one
     */
    public TrainingState state() {
      return new TrainingState(now, back);
    }
  }

  /**
   * Encodes a state.
   *
   * @param config the run's
   * @param now the state
   * @param back where a rejected round would go back to
   * @return the bytes of the file
   */
  public static byte[] encode(RunConfig config, Snapshot now, Snapshot back) {
    Map<String, String> metadata = new LinkedHashMap<>();
    metadata.put("recall_format", FORMAT);
    metadata.put("seed", String.valueOf(config.seed()));
    metadata.put("parameters_sha256", Safetensors.sha256(now.parameters()));
    metadata.put("config", config.text());
    List<Tensor> tensors = new ArrayList<>();
    put("", now, config, metadata, tensors);
    if (back.round() != now.round()) {
      put(BACK, back, config, metadata, tensors);
    }
    metadata.put(METADATA_DIGEST, digest(metadata));
    return Safetensors.encode(new TensorFile(metadata, tensors));
  }

  private static void put(
      String prefix,
      Snapshot state,
      RunConfig config,
      Map<String, String> metadata,
      List<Tensor> tensors) {
    ParameterLayout layout = config.model().layout();
    metadata.put(prefix + "round", String.valueOf(state.round()));
    metadata.put(prefix + "examples", String.valueOf(state.examples()));
    metadata.put(prefix + "rejected", String.valueOf(state.rejected()));
    metadata.put(prefix + "chain", state.link());
    tensors.addAll(ParameterTensors.of(prefix, layout, state.parameters()));
    List<String> slots = config.training().optimizer().slots();
    addSlots(tensors, prefix + SLOT, slots, state.optimizer(), layout);
    addSlots(tensors, prefix + LOCAL_SLOT, localSlots(config), state.local(), layout);
    state
        .best()
        .ifPresent(
            best -> {
              metadata.put(prefix + "best_loss", String.valueOf(best.loss()));
              metadata.put(prefix + "best_misses", String.valueOf(best.misses()));
              tensors.addAll(ParameterTensors.of(prefix + BEST, layout, best.parameters()));
            });
  }

  /** SHA-256 over the entries in the order of their keys, but for the digest's own. */
  static String digest(Map<String, String> metadata) {
    StringBuilder text = new StringBuilder();
    new TreeMap<>(metadata)
        .forEach(
            (key, value) -> {
              if (!key.equals(METADATA_DIGEST)) {
                text.append(key).append('\0').append(value).append('\0');
              }
            });
    return Safetensors.sha256(text.toString().getBytes(StandardCharsets.UTF_8));
  }

  private static List<String> localSlots(RunConfig config) {
    return ShardPlan.of(config).localSlotNames();
  }

  private static void addSlots(
      List<Tensor> tensors,
      String prefix,
      List<String> names,
      float[][] state,
      ParameterLayout layout) {
    for (int slot = 0; slot < names.size(); slot++) {
      tensors.addAll(ParameterTensors.of(prefix + names.get(slot) + ".", layout, state[slot]));
    }
  }

  /**
   * Decodes any safetensors file.
   *
   * @param path for the message
   * @param bytes the whole file
   * @return its tensors
   * @throws UserError when it is not one or not whole
   */
  public static TensorFile tensors(String path, byte[] bytes) {
    try {
      TensorFile file = Safetensors.decode(bytes);
      String expected = file.metadata().get(METADATA_DIGEST);
      String found = digest(file.metadata());
      if (expected != null && !expected.equals(found)) {
        throw new FormatException("metadata with SHA-256 " + expected, "SHA-256 " + found);
      }
      return file;
    } catch (FormatException e) {
      throw new UserError(path + ": not a whole safetensors file: " + e.getMessage());
    }
  }

  /**
   * Restores a state by the configuration that stands beside it.
   *
   * @param path for the message
   * @param bytes the whole file
   * @return configuration and state
   * @throws UserError when the file is no checkpoint, or not whole
   */
  public static Restored decode(String path, byte[] bytes) {
    return decode(path, bytes, Checkpoint::ownConfig);
  }

  /**
   * Restores a state by another configuration, which may differ in what needs no other state.
   *
   * @param path for the message
   * @param bytes the whole file
   * @param config to go on with
   * @return that configuration and the state
   * @throws UserError when the file is no checkpoint, not whole, or of another architecture
   */
  public static Restored decode(String path, byte[] bytes, RunConfig config) {
    return decode(path, bytes, (file, place) -> config);
  }

  /** Finds the configuration for a file, whose path is for messages. */
  private interface ConfigOf {
    RunConfig of(TensorFile file, String path) throws FormatException;
  }

  private static Restored decode(String path, byte[] bytes, ConfigOf configs) {
    TensorFile file = tensors(path, bytes);
    try {
      String format = file.metadata().get("recall_format");
      if (!FORMAT.equals(format)) {
        throw new FormatException(
            "a checkpoint with recall_format " + FORMAT,
            format == null ? "none and tensors " + file.names() : format);
      }
      metadata(file, METADATA_DIGEST);
      RunConfig config = configs.of(file, path);
      ParameterTensors.readModel(file, config.model().layout());
      Snapshot now = snapshot("", file, config);
      checkName(path, now.round());
      boolean earlier = file.metadata().containsKey(BACK + "round");
      Snapshot back = earlier ? snapshot(BACK, file, config) : now;
      return new Restored(config, now, back);
    } catch (FormatException e) {
      throw new UserError(path + ": not a checkpoint of this model: " + e.getMessage());
    } catch (NumberFormatException e) {
      throw new UserError(path + ": expected numbers in the metadata, found " + e.getMessage());
    }
  }

  private static RunConfig ownConfig(TensorFile file, String path) throws FormatException {
    try {
      ConfigSource own = ConfigSource.stored(path, metadata(file, "config"));
      return ConfigLoader.load(List.of(own), List.of());
    } catch (InvalidConfig e) {
      throw new UserError(path + ": not a checkpoint of this version: " + e.getMessage());
    }
  }

  private static Snapshot snapshot(String prefix, TensorFile file, RunConfig config)
      throws FormatException {
    ParameterLayout layout = config.model().layout();
    Optional<BestSoFar> best = Optional.empty();
    if (config.stop().patience() > 0) {
      double loss = loss(metadata(file, prefix + "best_loss"));
      int misses = (int) count(file, prefix + "best_misses", Integer.MAX_VALUE);
      float[] parameters = ParameterTensors.read(file, prefix + BEST, layout);
      best = Optional.of(new BestSoFar(loss, misses, parameters));
    }
    List<String> slots = config.training().optimizer().slots();
    return new Snapshot(
        (int) count(file, prefix + "round", BatchKey.MAX_ROUNDS),
        count(file, prefix + "examples", Long.MAX_VALUE / 2),
        ParameterTensors.read(file, prefix, layout),
        readSlots(file, prefix + SLOT, slots, layout),
        readSlots(file, prefix + LOCAL_SLOT, localSlots(config), layout),
        best,
        (int) count(file, prefix + "rejected", Integer.MAX_VALUE),
        link(file, prefix + "chain"));
  }

  private static String link(TensorFile file, String key) throws FormatException {
    String link = metadata(file, key);
    if (!link.matches("[0-9a-f]{64}")) {
      throw new FormatException("a link of 64 hexadecimal digits as metadata " + key, link);
    }
    return link;
  }

  private static String metadata(TensorFile file, String key) throws FormatException {
    String value = file.metadata().get(key);
    if (value == null) {
      throw new FormatException("metadata " + key, "nothing");
    }
    return value;
  }

  private static long count(TensorFile file, String key, long most) throws FormatException {
    String text = metadata(file, key);
    long value = text.matches("\\d{1,18}|[1-8]\\d{18}") ? Long.parseLong(text) : -1;
    if (value < 0 || value > most) {
      throw new FormatException("metadata " + key + " from 0 to " + most, text);
    }
    return value;
  }

  /** A file in a run's folder has the round of its name. */
  private static void checkName(String path, int round) throws FormatException {
    Matcher name = NAME.matcher(path);
    if (name.find() && Integer.parseInt(name.group(1)) != round) {
      throw new FormatException("round " + name.group(1) + ", as in its name", "round " + round);
    }
  }

  /** Infinity stands for none. */
  private static double loss(String text) throws FormatException {
    double loss = Double.parseDouble(text);
    if (!(loss >= 0)) {
      throw new FormatException("metadata best_loss of at least 0", text);
    }
    return loss;
  }

  private static float[][] readSlots(
      TensorFile file, String prefix, List<String> names, ParameterLayout layout)
      throws FormatException {
    float[][] state = new float[names.size()][];
    for (int slot = 0; slot < state.length; slot++) {
      state[slot] = ParameterTensors.read(file, prefix + names.get(slot) + ".", layout);
    }
    return state;
  }

  /**
   * Tells whether a checkpoint stands for the parameters of the best validation.
   *
   * @param file its tensors
   * @return false when it stands for those of its round
   */
  public static boolean hasBest(TensorFile file) {
    String loss = file.metadata().get("best_loss");
    return loss != null && !loss.equals("Infinity");
  }

  /**
   * Reads the model that a checkpoint stands for: the best validated parameters when it has them,
   * else the current ones.
   *
   * @param path for the message
   * @param file its tensors
   * @param layout blocks of the model
   * @return [parameters]
   * @throws UserError naming the blocks that do not fit
   */
  public static float[] result(String path, TensorFile file, ParameterLayout layout) {
    try {
      float[] current = ParameterTensors.readModel(file, layout);
      return hasBest(file) ? ParameterTensors.read(file, BEST, layout) : current;
    } catch (FormatException e) {
      throw new UserError(path + ": not the parameters of this model: " + e.getMessage());
    }
  }
}
