package dev.recall.job;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.recall.job.store.Storage;
import java.io.IOException;
import java.nio.charset.StandardCharsets;

/** The figures of {@code train} and {@code evaluate} as JSON; other programs read these names. */
final class Summary {

  private final ObjectMapper mapper =
      JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();
  private final ObjectNode json = mapper.createObjectNode();

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

  /** Writes the file when one is wanted; without a scheme it is on this machine's disk. */
  void write(Storage storage, String file) throws IOException {
    if (file != null) {
      String path = file.contains(":") ? file : ConfigOptions.localUri(file);
      storage.write(path, text().getBytes(StandardCharsets.UTF_8));
    }
  }
}
