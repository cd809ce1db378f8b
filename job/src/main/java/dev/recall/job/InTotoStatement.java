package dev.recall.job;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.recall.model.format.Safetensors;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.function.Function;

/**
 * What {@code run.json} says, as an <a
 * href="https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md">in-toto
 * Statement</a> v1 about the checkpoint that is the result, with <a
 * href="https://slsa.dev/spec/v1.0/provenance">SLSA provenance</a> v1. It is not signed.
 */
final class InTotoStatement {

  private static final String TYPE = "https://in-toto.io/Statement/v1";
  private static final String PREDICATE = "https://slsa.dev/provenance/v1";

  /** What the parameters of the predicate mean; docs/formats.md says it. */
  private static final String BUILD_TYPE = "urn:recall:train:1";

  private static final String BUILDER = "urn:recall:driver:1";
  private static final String SHA_256 = "sha256";

  private final JsonNode run;
  private final JsonNode result;
  private final JsonNode lastProcess;

  private InTotoStatement(JsonNode run) {
    this.run = run;
    this.result = run.path("result");
    this.lastProcess = run.path("processes").path(run.path("processes").size() - 1);
  }

  /**
   * Says it of a run that has ended.
   *
   * @param provenance with its result
   * @param directory path of the run directory
   * @return text of the statement
   */
  static String of(Provenance provenance, String directory) {
    return Provenance.text(
        new InTotoStatement(provenance.json()).statement(provenance.text(), directory));
  }

  private ObjectNode statement(String runJson, String directory) {
    ObjectNode statement = JsonNodeFactory.instance.objectNode();
    statement.put("_type", TYPE);
    describe(
        statement.putArray("subject"),
        result.path("checkpoint").asText(),
        SHA_256,
        result.path("checkpoint_sha256").asText());
    statement.put("predicateType", PREDICATE);
    ObjectNode predicate = statement.putObject("predicate");
    definition(predicate.putObject("buildDefinition"));
    details(predicate.putObject("runDetails"), runJson, directory);
    return statement;
  }

  private void definition(ObjectNode definition) {
    definition.put("buildType", BUILD_TYPE);
    ObjectNode parameters = definition.putObject("externalParameters");
    parameters.set("settings", run.path("config"));
    parameters.set("start", run.path("start").path("file"));
    ArrayNode dependencies = definition.putArray("resolvedDependencies");
    describe(
        dependencies, "parameters", SHA_256, run.path("start").path("parameters_sha256").asText());
    if (run.path("start").has("file_sha256")) {
      describe(dependencies, "start", SHA_256, run.path("start").path("file_sha256").asText());
    }
    ofProcesses(recall -> recall.path("jar_sha256").asText(""))
        .forEach(digest -> describe(dependencies, "jar", SHA_256, digest));
    // Files that were changed are in no commit.
    ofProcesses(recall -> recall.path("source_revision").asText("")).stream()
        .filter(revision -> revision.matches("[0-9a-f]+"))
        .forEach(revision -> describe(dependencies, "sources", "gitCommit", revision));
  }

  /** What is known of the builds that trained, each once. */
  private Set<String> ofProcesses(Function<JsonNode, String> value) {
    Set<String> values = new LinkedHashSet<>();
    for (JsonNode process : run.path("processes")) {
      JsonNode recall = process.path("recall");
      if (!value.apply(recall).matches("(null)?")) {
        values.add(value.apply(recall));
      }
    }
    return values;
  }

  private void details(ObjectNode details, String runJson, String directory) {
    ObjectNode builder = details.putObject("builder");
    builder.put("id", BUILDER);
    ObjectNode versions = builder.putObject("version");
    versions.put("recall", lastProcess.path("recall").path("version").asText());
    versions.put("java", lastProcess.path("java").asText());
    String[] runner = lastProcess.path("runner").asText().split(" ");
    if (runner[0].equals("Spark")) {
      versions.put("spark", runner[1]);
    }
    if (lastProcess.path("libraries") instanceof ObjectNode libraries) {
      versions.setAll(libraries);
    }
    ObjectNode metadata = details.putObject("metadata");
    metadata.put("invocationId", directory + "#" + run.path("processes").size());
    metadata.put("startedOn", run.path("processes").path(0).path("started").asText());
    metadata.put("finishedOn", result.path("ended").asText());
    ArrayNode byproducts = details.putArray("byproducts");
    byte[] bytes = runJson.getBytes(StandardCharsets.UTF_8);
    describe(byproducts, "run.json", SHA_256, Safetensors.sha256(bytes));
    describe(byproducts, "chain", SHA_256, result.path("chain").asText());
  }

  private static void describe(ArrayNode list, String name, String kind, String digest) {
    ObjectNode resource = list.addObject();
    resource.put("name", name);
    resource.putObject("digest").put(kind, digest);
  }
}
