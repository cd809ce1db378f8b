package dev.recall.job.store;

import dev.recall.job.config.ConfigLoader;
import dev.recall.job.config.ConfigSource;
import dev.recall.job.config.Configs;
import dev.recall.job.config.InvalidConfig;
import dev.recall.job.config.RunConfig;
import dev.recall.job.config.UserError;
import dev.recall.job.train.BestSoFar;
import dev.recall.job.train.Snapshot;
import dev.recall.model.format.FormatException;
import dev.recall.model.format.Safetensors;
import dev.recall.model.format.TensorFile;
import dev.recall.model.format.TensorFile.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What Jazzer calls with bytes for a checkpoint. */
public final class CheckpointFuzz {

  private static final RunConfig CONFIG =
      Configs.small(
          "model.layers=[1, (lstm, 1), 1]",
          "training.optimizer.algorithm=sgd",
          "training.optimizer.momentum=0",
          "stop.patience=4");

  private CheckpointFuzz() {}

  /** Loads the classes, which would count as time of the first input. */
  public static void fuzzerInitialize() {
    fuzzerTestOneInput("{}\n".getBytes(StandardCharsets.UTF_8));
  }

  /** Fails for anything but the errors that the readers document. */
  public static void fuzzerTestOneInput(byte[] input) {
    asGiven(input);
    try {
      TensorFile file = Safetensors.decode(withLength(input));
      comesBack(file);
      asACheckpoint(file);
    } catch (FormatException e) {
      // Bad bytes.
    }
  }

  private static void asGiven(byte[] input) {
    try {
      Checkpoint.decode("given", input, CONFIG);
    } catch (UserError e) {
      // Bad bytes.
    }
  }

  /** A header up to the first line feed, then values; a length that is wrong would hide them. */
  private static byte[] withLength(byte[] input) {
    int length = 0;
    while (length < input.length && input[length] != '\n') {
      length++;
    }
    int values = Math.max(0, input.length - length - 1);
    return ByteBuffer.allocate(8 + length + values)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(length)
        .put(input, 0, length)
        .put(input, input.length - values, values)
        .array();
  }

  private static void comesBack(TensorFile file) throws FormatException {
    TensorFile again = Safetensors.decode(Safetensors.encode(file));
    if (!again.metadata().equals(file.metadata()) || !again.names().equals(file.names())) {
      throw new AssertionError("expected " + file + ", found " + again);
    }
  }

  /** With digests that fit, so that what is behind them is reached. */
  private static void asACheckpoint(TensorFile file) {
    Map<String, String> metadata = new LinkedHashMap<>(file.metadata());
    metadata.put("metadata_sha256", Checkpoint.digest(metadata));
    TensorFile whole = new TensorFile(metadata, file.tensors());
    try {
      Checkpoint.decode("file", Safetensors.encode(whole), CONFIG);
    } catch (UserError e) {
      // Bad content.
    }
    try {
      Checkpoint.decode("file", Safetensors.encode(whole));
    } catch (UserError e) {
      // Bad content, or settings.
    }
    String text = metadata.getOrDefault("config", "");
    try {
      RunConfig config = ConfigLoader.load(List.of(ConfigSource.stored("file", text)), List.of());
      Checkpoint.result("file", whole, config.model().layout());
    } catch (InvalidConfig | UserError e) {
      // Bad settings, or of another model.
    }
  }

  /** A checkpoint, and headers whose end is a line feed, with the values behind it. */
  public static void writeSeeds(Path folder) throws IOException {
    float[] parameters = new float[CONFIG.model().layout().size()];
    Arrays.fill(parameters, 0.25f);
    byte[] checkpoint = Checkpoint.encode(CONFIG, snapshot(7, parameters), snapshot(6, parameters));
    Files.write(folder.resolve("checkpoint"), checkpoint);
    try {
      TensorFile file = Safetensors.decode(checkpoint);
      Files.write(folder.resolve("whole"), withoutDigest(file));
      Map<String, String> metadata = new LinkedHashMap<>(file.metadata());
      metadata.put("config", "seed = 1\nmodel.layers = [1, (lstm, 1), 1]\n");
      Files.write(folder.resolve("short"), withoutDigest(new TensorFile(metadata, file.tensors())));
      Tensor empty = new Tensor("a", List.of(0, 2), new float[0]);
      Files.write(
          folder.resolve("small"), withoutDigest(new TensorFile(Map.of("k", "v"), List.of(empty))));
    } catch (FormatException e) {
      throw new IllegalStateException(e);
    }
  }

  private static Snapshot snapshot(int round, float[] parameters) {
    return new Snapshot(
        round,
        8,
        parameters,
        new float[0][],
        new float[0][],
        Optional.of(new BestSoFar(0.5, 1, parameters)),
        0,
        "0".repeat(64));
  }

  private static byte[] withoutDigest(TensorFile file) {
    byte[] bytes = Safetensors.encode(file);
    int length = (int) ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).getLong();
    String header =
        new String(bytes, 8, length, StandardCharsets.UTF_8)
            .stripTrailing()
            .replaceFirst(",?\"data_sha256\":\"\\w+\"", "");
    byte[] text = (header + "\n").getBytes(StandardCharsets.UTF_8);
    byte[] seed = Arrays.copyOf(text, text.length + bytes.length - 8 - length);
    System.arraycopy(bytes, 8 + length, seed, text.length, bytes.length - 8 - length);
    return seed;
  }
}
