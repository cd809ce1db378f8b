package dev.recall.job.spark.predict;

import dev.recall.job.config.UserError;
import dev.recall.model.RegressorSpec;
import dev.recall.model.format.FormatException;
import dev.recall.model.format.Safetensors;
import dev.recall.model.format.TensorFile;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What Jazzer, through {@link PredictFuzz}, calls with bytes for a saved {@link RecallModel}. */
public final class ScoredModelFuzz {

  private static final List<String> KEYS = List.of("layers", "version", "origin");
  private static final TensorFile SAVED = saved();

  private ScoredModelFuzz() {}

  /** Loads the classes, which would count as time of the first input. */
  public static void fuzzerInitialize() {
    fuzzerTestOneInput("[1, (lstm, 1), 1]\0000".getBytes(StandardCharsets.UTF_8));
  }

  /** Fails for anything but a model that comes back, or the error that the reader documents. */
  public static void fuzzerTestOneInput(byte[] input) {
    readOrRefused(input);
    readOrRefused(withMetadata(input));
  }

  private static void readOrRefused(byte[] bytes) {
    try {
      ScoredModel model = ScoredModel.decode("given", bytes);
      ScoredModel again = ScoredModel.decode("again", model.encoded());
      if (!again.spec().equals(model.spec())
          || !again.origin().equals(model.origin())
          || again.version() != model.version()
          || !Arrays.equals(again.parameters(), model.parameters())) {
        throw new IllegalStateException("not what was read");
      }
    } catch (UserError e) {
      if (e.getMessage().length() > 20_000 + bytes.length) {
        throw new IllegalStateException(e.getMessage().length() + " characters", e);
      }
    }
  }

  /** A whole file with the input, up to zeros, as metadata; digests would hide what is in it. */
  private static byte[] withMetadata(byte[] input) {
    String[] values = new String(input, StandardCharsets.UTF_8).split("\0", -1);
    Map<String, String> metadata = new LinkedHashMap<>(SAVED.metadata());
    for (int i = 0; i < KEYS.size() && i < values.length; i++) {
      metadata.put(KEYS.get(i), values[i]);
    }
    return Safetensors.encode(new TensorFile(metadata, SAVED.tensors()));
  }

  /** A whole file, and metadata. */
  public static void writeSeeds(Path folder) throws IOException {
    Files.write(folder.resolve("saved"), model().encoded());
    ByteArrayOutputStream metadata = new ByteArrayOutputStream();
    for (String key : KEYS) {
      metadata.writeBytes((SAVED.metadata().get(key) + "\0").getBytes(StandardCharsets.UTF_8));
    }
    Files.write(folder.resolve("metadata"), metadata.toByteArray());
  }

  private static ScoredModel model() {
    RegressorSpec spec = RegressorSpec.parse("[1, (lstm, 1), (lstm, 2), 1]", true);
    return new ScoredModel("file:/run", 3, spec, new float[spec.layout().size()]);
  }

  private static TensorFile saved() {
    try {
      return Safetensors.decode(model().encoded());
    } catch (FormatException e) {
      throw new IllegalStateException(e);
    }
  }
}
