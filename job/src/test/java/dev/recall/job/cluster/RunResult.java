package dev.recall.job.cluster;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.recall.job.store.Storage;
import java.io.IOException;
import java.util.Map;

/**
 * By which runs are compared.
 *
 * @param parameters digest of the last parameters
 * @param rounds how many it has
 * @param chain the last link of the hash chain: settings, every round's data and gradient
 */
record RunResult(String parameters, int rounds, String chain) {

  /** Tells whether the run has ended and its result is written. */
  static boolean isThere(String run) {
    return new Storage(Map.of()).exists(run + "/summary.json");
  }

  static RunResult of(String run) throws IOException {
    JsonNode result =
        new ObjectMapper()
            .readTree(new Storage(Map.of()).readText(run + "/run.json"))
            .get("result");
    return new RunResult(
        result.get("parameters_sha256").textValue(),
        result.get("rounds").intValue(),
        result.get("chain").textValue());
  }
}
