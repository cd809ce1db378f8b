package dev.recall.job.registry;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.recall.job.config.UserError;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Fields of the registry's JSON files, which may come from anywhere. */
final class Fields {

  private static final ObjectMapper MAPPER =
      JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

  private Fields() {}

  static ObjectNode read(String file, String text) {
    try {
      if (MAPPER.readTree(text) instanceof ObjectNode json) {
        return json;
      }
    } catch (JsonProcessingException e) {
      // as if it held something else
    }
    throw new UserError(file + ": expected a JSON object, found none");
  }

  static byte[] bytes(JsonNode json) {
    try {
      return (MAPPER.writeValueAsString(json) + "\n").getBytes(StandardCharsets.UTF_8);
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("numbers and text always become JSON", e);
    }
  }

  static int number(String file, JsonNode json, String field) {
    return number(file, field, json.path(field));
  }

  private static int number(String file, String field, JsonNode value) {
    if (!value.isInt() || value.intValue() < 0) {
      throw new UserError(
          file + ": " + field + ": expected a whole number from 0 up, found " + value);
    }
    return value.intValue();
  }

  static List<Integer> numbers(String file, JsonNode json, String field) {
    List<Integer> numbers = new ArrayList<>();
    if (!json.path(field).isArray()) {
      throw new UserError(file + ": " + field + ": expected a list, found " + json.path(field));
    }
    json.path(field).forEach(value -> numbers.add(number(file, field, value)));
    return List.copyOf(numbers);
  }

  static String text(String file, JsonNode json, String field) {
    if (!json.path(field).isTextual()) {
      throw new UserError(file + ": " + field + ": expected text, found " + json.path(field));
    }
    return json.path(field).textValue();
  }
}
