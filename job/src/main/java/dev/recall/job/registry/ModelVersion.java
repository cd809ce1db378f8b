package dev.recall.job.registry;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Map;
import java.util.TreeMap;

/**
 * What {@code version.json} says. It is written last: a version without it is not there.
 *
 * @param number its number
 * @param created when, as ISO 8601 in UTC
 * @param by user and host
 * @param scheduled the scheduled time that it was trained for, or empty
 * @param run the run directory that it comes from
 * @param afterStep number of the newest step when it was published
 * @param files SHA-256 of its files by name
 */
public record ModelVersion(
    int number,
    String created,
    String by,
    String scheduled,
    String run,
    int afterStep,
    Map<String, String> files) {

  /** Name of the file of a version that holds its model, a checkpoint. */
  public static final String MODEL = "model.safetensors";

  /** Name of the file. */
  static final String FILE = "version.json";

  ObjectNode json() {
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    json.put("recall_version", 1);
    json.put("version", number);
    json.put("created", created);
    json.put("by", by);
    json.put("scheduled", scheduled);
    json.put("run_directory", run);
    json.put("after_step", afterStep);
    ObjectNode digests = json.putObject("files");
    files.forEach(digests::put);
    return json;
  }

  static ModelVersion parse(String file, JsonNode json) {
    Map<String, String> files = new TreeMap<>();
    JsonNode digests = json.path("files");
    digests
        .fieldNames()
        .forEachRemaining(name -> files.put(name, Fields.text(file, digests, name)));
    return new ModelVersion(
        Fields.number(file, json, "version"),
        Fields.text(file, json, "created"),
        Fields.text(file, json, "by"),
        Fields.text(file, json, "scheduled"),
        Fields.text(file, json, "run_directory"),
        json.has("after_step") ? Fields.number(file, json, "after_step") : 0, // else an older file
        files);
  }
}
