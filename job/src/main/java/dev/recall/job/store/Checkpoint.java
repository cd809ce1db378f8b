package dev.recall.job.store;

import dev.recall.datagen.BatchKey;
import dev.recall.job.config.RunConfig;
import dev.recall.job.config.UserError;
import dev.recall.job.train.BestSoFar;
import dev.recall.job.train.ShardPlan;
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
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A training state as a safetensors file.
 *
 * <p>Tensors: the parameter blocks under their names; {@code optimizer.SLOT.BLOCK} for the driver's
 * optimizer, {@code optimizer.local.SLOT.BLOCK} for the local one, {@code best.BLOCK} for the best
 * validated parameters when early stopping is on. Metadata: {@code recall_format}, {@code round},
 * {@code examples}, {@code seed}, {@code parameters_sha256}, {@code config} (text that {@code
 * --config} reads), {@code best_loss} and {@code best_misses}, and {@code metadata_sha256} over all
 * of these, so that a damaged number is found like a damaged value.
 */
public final class Checkpoint {

  /** Value of the metadata key {@code recall_format}. */
  static final String FORMAT = "1";

  private static final String METADATA_DIGEST = "metadata_sha256";
  private static final String SLOT = "optimizer.";
  private static final String LOCAL_SLOT = "optimizer.local.";
  private static final String BEST = "best.";

  private static final Pattern NAME = Pattern.compile("(?:^|/)round-(\\d{1,9})\\.safetensors$");

  private Checkpoint() {}

  /**
   * Encodes a state.
   *
   * @param config the run's
   * @param state the state
   * @return the bytes of the file
   */
  public static byte[] encode(RunConfig config, TrainingState state) {
    ParameterLayout layout = config.model().layout();
    Map<String, String> metadata = new LinkedHashMap<>();
    metadata.put("recall_format", FORMAT);
    metadata.put("round", String.valueOf(state.round()));
    metadata.put("examples", String.valueOf(state.examples()));
    metadata.put("seed", String.valueOf(config.seed()));
    metadata.put("parameters_sha256", Safetensors.sha256(state.parameters()));
    metadata.put("config", config.text());
    List<Tensor> tensors = new ArrayList<>(ParameterTensors.of("", layout, state.parameters()));
    addSlots(tensors, SLOT, config.training().optimizer().slots(), state.optimizer(), layout);
    addSlots(tensors, LOCAL_SLOT, localSlots(config), state.local(), layout);
    state
        .best()
        .ifPresent(
            best -> {
              metadata.put("best_loss", String.valueOf(best.loss()));
              metadata.put("best_misses", String.valueOf(best.misses()));
              tensors.addAll(ParameterTensors.of(BEST, layout, best.parameters()));
            });
    metadata.put(METADATA_DIGEST, digest(metadata));
    return Safetensors.encode(new TensorFile(metadata, tensors));
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
    return ShardPlan.of(config).localSlots() > 0
        ? config.training().localOptimizer().slots()
        : List.of();
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
   * Restores a state.
   *
   * @param path for the message
   * @param bytes the whole file
   * @param config the run's
   * @return the state
   * @throws UserError when the file is no checkpoint, not whole, or of another architecture
   */
  public static TrainingState decode(String path, byte[] bytes, RunConfig config) {
    TensorFile file = tensors(path, bytes);
    try {
      ParameterLayout layout = config.model().layout();
      String format = file.metadata().get("recall_format");
      if (!FORMAT.equals(format)) {
        throw new FormatException(
            "a checkpoint with recall_format " + FORMAT,
            format == null ? "none and tensors " + file.names() : format);
      }
      metadata(file, METADATA_DIGEST);
      float[] parameters = ParameterTensors.readModel(file, layout);
      float[][] optimizer = readSlots(file, SLOT, config.training().optimizer().slots(), layout);
      float[][] local = readSlots(file, LOCAL_SLOT, localSlots(config), layout);
      BestSoFar best = null;
      if (config.stop().patience() > 0) {
        best =
            new BestSoFar(
                loss(metadata(file, "best_loss")),
                (int) count(file, "best_misses", Integer.MAX_VALUE),
                ParameterTensors.read(file, BEST, layout));
      }
      return new TrainingState(
          roundOf(path, file),
          count(file, "examples", Long.MAX_VALUE / 2),
          parameters,
          optimizer,
          local,
          best);
    } catch (FormatException e) {
      throw new UserError(path + ": not a checkpoint of this model: " + e.getMessage());
    } catch (NumberFormatException e) {
      throw new UserError(path + ": expected numbers in the metadata, found " + e.getMessage());
    }
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

  private static int roundOf(String path, TensorFile file) throws FormatException {
    long round = count(file, "round", BatchKey.MAX_ROUNDS);
    Matcher name = NAME.matcher(path);
    if (name.find() && Long.parseLong(name.group(1)) != round) {
      throw new FormatException("round " + name.group(1) + ", as in its name", "round " + round);
    }
    return (int) round;
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
    boolean hasBest =
        file.metadata().containsKey("best_loss")
            && !"Infinity".equals(file.metadata().get("best_loss"));
    try {
      float[] current = ParameterTensors.readModel(file, layout);
      return hasBest ? ParameterTensors.read(file, BEST, layout) : current;
    } catch (FormatException e) {
      throw new UserError(path + ": not the parameters of this model: " + e.getMessage());
    }
  }
}
