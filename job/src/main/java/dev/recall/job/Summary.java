package dev.recall.job;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.recall.job.config.RunConfig;
import dev.recall.job.store.Storage;
import dev.recall.model.Evaluation;
import java.io.IOException;
import java.nio.charset.StandardCharsets;

/** The figures of {@code train} and {@code evaluate} as JSON; other programs read these names. */
final class Summary {

  private final ObjectMapper mapper =
      JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();
  private final ObjectNode json = mapper.createObjectNode();

  /** Begins with what both verbs say first: the parameters' digest and their figures. */
  static Summary of(RunConfig config, Evaluation evaluation, String digest) {
    return new Summary()
        .put("parameters_sha256", digest)
        .put("loss", evaluation.loss())
        .put("loss_floor", config.task().bayesLoss())
        .put("loss_above_floor", evaluation.lossAboveFloor())
        .put("recall_mse", evaluation.recallMse());
  }

  Summary put(String name, String value) {
    json.put(name, value);
    return this;
  }

  Summary put(String name, long value) {
    json.put(name, value);
    return this;
  }

  /** NaN and infinities are no JSON: they become null. */
  Summary put(String name, double value) {
    if (Double.isFinite(value)) {
      json.put(name, value);
    } else {
      json.putNull(name);
    }
    return this;
  }

  String text() {
    try {
      return mapper.writeValueAsString(json) + "\n";
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("numbers and text always become JSON", e);
    }
  }

  /** Refuses a place where the file cannot be put before any work is done for it. */
  static void checkTarget(Storage storage, String file) {
    if (file != null) {
      storage.checkTarget(place(file));
    }
  }

  /** Writes the file when one is wanted. */
  void write(Storage storage, String file) throws IOException {
    write(storage, file, text());
  }

  /** The same with the text of another summary. */
  static void write(Storage storage, String file, String text) throws IOException {
    if (file != null) {
      storage.write(place(file), text.getBytes(StandardCharsets.UTF_8));
    }
  }

  /** Without a scheme it is on this machine's disk. */
  private static String place(String file) {
    return file.contains(":") ? file : ConfigOptions.localUri(file);
  }
}
