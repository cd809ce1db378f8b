package dev.recall.job;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.recall.job.config.RunConfig;
import dev.recall.job.config.Setting;
import dev.recall.job.registry.By;
import dev.recall.job.store.RunDirectory;
import dev.recall.job.store.StartFile;
import dev.recall.job.train.Snapshot;
import dev.recall.model.dl4j.Dl4jModule;
import dev.recall.model.format.Safetensors;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Supplier;

/**
 * What {@code run.json} says: which settings, which processes of which build, on which machine and
 * by whom, and what came out. Options of spark-submit are not in it: they may hold secrets.
 */
final class Provenance {

  private static final ObjectMapper MAPPER =
      JsonMapper.builder().enable(SerializationFeature.INDENT_OUTPUT).build();

  private final ObjectNode json;

  private Provenance(ObjectNode json) {
    this.json = json;
  }

  /**
   * Begins with what a run starts from.
   *
   * @param startFile where the first parameters come from; nothing: the initializer
   */
  static Provenance of(Snapshot start, Optional<StartFile> startFile) {
    ObjectNode json = MAPPER.createObjectNode();
    json.put("recall_run", 1);
    ObjectNode from = json.putObject("start");
    from.put("parameters_sha256", Safetensors.sha256(start.parameters()));
    from.put("file", startFile.map(StartFile::path).orElse(null));
    startFile.ifPresent(
        file -> from.put("file_kind", file.kind()).put("file_sha256", file.sha256()));
    json.putArray("processes");
    return new Provenance(json);
  }

  /** Goes on with what is there; begins anew, from what the run began with, when it is damaged. */
  static Provenance read(String text, Supplier<Snapshot> start) {
    try {
      if (MAPPER.readTree(text) instanceof ObjectNode json && json.path("processes").isArray()) {
        json.remove("result");
        return new Provenance(json);
      }
    } catch (JsonProcessingException e) {
      // begun anew
    }
    return of(start.get(), Optional.empty());
  }

  /** Says that a process goes on with the run, by these settings. */
  Provenance process(RunConfig config, int round, String runner) {
    json.put("seed", config.seed());
    json.put("config_sha256", sha256(config.text()));
    ObjectNode settings = json.putObject("config");
    for (Setting setting : config.settings()) {
      settings.put(setting.key(), setting.plainValue());
    }
    ObjectNode process = json.withArray("processes").addObject();
    process.put("id", UUID.randomUUID().toString());
    process.put("started", now());
    process.put("after_round", round);
    process.put("user", System.getProperty("user.name"));
    process.put("host", By.host());
    process.put("runner", runner);
    process.put("kernel", config.training().kernel());
    process.put(
        "java", System.getProperty("java.vm.name") + " " + System.getProperty("java.vm.version"));
    process.put("java_vendor", System.getProperty("java.vendor"));
    process.put(
        "system",
        System.getProperty("os.name")
            + " "
            + System.getProperty("os.version")
            + " "
            + System.getProperty("os.arch"));
    Build build = Build.current();
    ObjectNode recall = process.putObject("recall");
    recall.put("version", build.version());
    recall.put("source_revision", build.revision().orElse(null));
    recall.put("jar_sha256", build.jarSha256().orElse(null));
    for (Dl4jModule module : config.training().libraries()) {
      process.withObject("/libraries").put(module.artifact(), module.version().orElse(null));
    }
    return this;
  }

  /** Says what came out. */
  Provenance result(Snapshot state, String why, RunDirectory.Saved checkpoint) {
    ObjectNode result = json.putObject("result");
    result.put("ended", now());
    result.put("stopped_because", why);
    result.put("rounds", state.round());
    result.put("rejected_rounds", state.rejected());
    result.put("parameters_sha256", Safetensors.sha256(state.result()));
    result.put("chain", state.link());
    result.put("checkpoint", checkpoint.name());
    result.put("checkpoint_sha256", checkpoint.sha256());
    return this;
  }

  JsonNode json() {
    return json;
  }

  String text() {
    return text(json);
  }

  static String text(JsonNode json) {
    try {
      return MAPPER.writeValueAsString(json) + "\n";
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("numbers and text always become JSON", e);
    }
  }

  private static String sha256(String text) {
    return Safetensors.sha256(text.getBytes(StandardCharsets.UTF_8));
  }

  private static String now() {
    return Instant.now().truncatedTo(ChronoUnit.SECONDS).toString();
  }
}
