package dev.recall.job;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.google.gson.JsonObject;
import dev.recall.job.config.Configs;
import dev.recall.model.format.Safetensors;
import dev.sigstore.dsse.InTotoPayload;
import dev.sigstore.json.JsonParseException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The statement in sigstore's reader. */
class InTotoStatementTest {

  @TempDir private Path folder;

  private Path run() {
    return folder.resolve("run");
  }

  private InTotoPayload statement() throws JsonParseException {
    return InTotoPayload.from(RunFiles.text(run().resolve("provenance.intoto.json")));
  }

  private static void recall(List<String> args) {
    Commands.Result result = Commands.recall(args);
    assertThat(result.exitCode()).as(result.err()).isZero();
  }

  private void train() {
    recall(
        Commands.with(Configs.smallWith(), "train", "--without-spark", "--run", run().toString()));
  }

  private static String sha256(Path file) {
    return Safetensors.sha256(RunFiles.bytes(file));
  }

  private static JsonObject part(InTotoPayload statement, String name) {
    return statement.getPredicate().getAsJsonObject().getAsJsonObject(name);
  }

  private void assertIsAboutTheResult(String checkpoint) throws JsonParseException {
    InTotoPayload statement = statement();
    assertThat(statement.getType()).isEqualTo("https://in-toto.io/Statement/v1");
    assertThat(statement.getPredicateType()).isEqualTo("https://slsa.dev/provenance/v1");
    assertThat(statement.getSubject())
        .singleElement()
        .satisfies(
            subject -> {
              assertThat(subject.getName()).isEqualTo(checkpoint);
              assertThat(subject.getDigest())
                  .isEqualTo(Map.of("sha256", sha256(run().resolve(checkpoint))));
            });
  }

  @Test
  void isAboutTheCheckpointThatIsTheResult() throws JsonParseException {
    train();
    assertIsAboutTheResult("checkpoints/round-00000006.safetensors");
    recall(
        List.of(
            "train", "--without-spark", "--resume", run().toString(), "--set", "stop.rounds=7"));
    assertIsAboutTheResult("checkpoints/round-00000007.safetensors");
    JsonObject metadata = part(statement(), "runDetails").getAsJsonObject("metadata");
    assertThat(metadata.get("invocationId").getAsString()).isEqualTo("file:" + run() + "#2");
  }

  @Test
  void saysWhatItWasMadeFrom() throws JsonParseException {
    train();
    JsonNode runJson = RunFiles.json(run().resolve("run.json"));
    InTotoPayload statement = statement();
    assertThat(statement.getPredicate().getAsJsonObject().keySet())
        .containsExactly("buildDefinition", "runDetails");

    JsonObject definition = part(statement, "buildDefinition");
    assertThat(definition.keySet())
        .containsExactly("buildType", "externalParameters", "resolvedDependencies");
    assertThat(definition.get("buildType").getAsString()).isEqualTo("urn:recall:train:1");
    JsonObject settings =
        definition.getAsJsonObject("externalParameters").getAsJsonObject("settings");
    assertThat(settings.size()).isEqualTo(runJson.get("config").size());
    assertThat(settings.get("stop.rounds").getAsString()).isEqualTo("6");
    assertThat(definition.get("resolvedDependencies"))
        .hasToString(
            "[{\"name\":\"parameters\",\"digest\":{\"sha256\":%s}}]"
                .formatted(runJson.at("/start/parameters_sha256")));

    JsonObject details = part(statement, "runDetails");
    assertThat(details.keySet()).containsExactly("builder", "metadata", "byproducts");
    JsonObject builder = details.getAsJsonObject("builder");
    assertThat(builder.keySet()).containsExactly("id", "version");
    assertThat(builder.get("id").getAsString()).isEqualTo("urn:recall:driver:1");
    assertThat(builder.getAsJsonObject("version").keySet()).containsExactly("recall", "java");
    JsonObject metadata = details.getAsJsonObject("metadata");
    assertThat(metadata.keySet()).containsExactly("invocationId", "startedOn", "finishedOn");
    assertThat(metadata.get("startedOn").getAsString())
        .matches("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\dZ")
        .isEqualTo(runJson.at("/processes/0/started").textValue());
    assertThat(metadata.get("finishedOn").getAsString())
        .isEqualTo(runJson.at("/result/ended").textValue());
    assertThat(details.get("byproducts"))
        .hasToString(
            "[{\"name\":\"run.json\",\"digest\":{\"sha256\":\"%s\"}},{\"name\":\"chain\",\"digest\":{\"sha256\":\"%s\"}}]"
                .formatted(sha256(run().resolve("run.json")), RunFiles.chainHead(run())));
  }

  /** A run that three processes trained: of two builds, one of them with changed files. */
  @Test
  void namesEachBuildThatTrainedOnce() throws JsonParseException {
    String first = "a".repeat(64);
    String second = "b".repeat(64);
    String commit = "c".repeat(40);
    List<String> processes = new ArrayList<>();
    for (String[] build :
        new String[][] {{first, commit}, {first, commit}, {second, commit + "-dirty"}}) {
      processes.add(
          """
          {"started": "2026-01-01T00:00:00Z", "java": "JVM 17", "runner": "Spark 3.5.5 on local[2]",
           "recall": {"version": "1.0", "jar_sha256": "%s", "source_revision": "%s"}}"""
              .formatted((Object[]) build));
    }
    String runJson =
        """
        {"start": {"parameters_sha256": "%s", "file": "first.safetensors"},
         "processes": %s, "config": {"seed": "1"}}"""
            .formatted("d".repeat(64), processes);
    InTotoPayload statement =
        InTotoPayload.from(InTotoStatement.of(Provenance.read(runJson, null), "file:/run"));
    assertThat(part(statement, "buildDefinition"))
        .hasToString(
            ("{\"buildType\":\"urn:recall:train:1\",\"externalParameters\":{\"settings\":{\"seed\":\"1\"},\"start\":\"first.safetensors\"},\"resolvedDependencies\":["
                    + "{'name':'parameters','digest':{'sha256':'"
                    + "d".repeat(64)
                    + "'}},"
                    + "{'name':'jar','digest':{'sha256':'"
                    + first
                    + "'}},"
                    + "{'name':'jar','digest':{'sha256':'"
                    + second
                    + "'}},"
                    + "{'name':'sources','digest':{'gitCommit':'"
                    + commit
                    + "'}}]}")
                .replace('\'', '"'));
    assertThat(part(statement, "runDetails").getAsJsonObject("builder").get("version"))
        .hasToString("{\"recall\":\"1.0\",\"java\":\"JVM 17\",\"spark\":\"3.5.5\"}");
  }
}
