package dev.recall.job.audit;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.recall.job.store.MetricsLine;
import dev.recall.job.train.RoundReport;
import java.util.Iterator;
import java.util.List;
import java.util.TreeSet;

/** The metrics of a run: a line per round, in order. The wall clock in them is not looked at. */
final class Metrics {

  private static final ObjectMapper MAPPER = new ObjectMapper();

  private final List<String> lines;

  private Metrics(List<String> lines) {
    this.lines = lines;
  }

  /**
   * Takes lines, and refuses gaps, repetitions, and losses other than the chain's. Those of a run
   * that has not ended may go on beyond the chain.
   */
  static Metrics of(List<String> lines, Chain chain, boolean ended) {
    int rounds = chain.head().round();
    if (lines.size() < rounds || (ended && lines.size() > rounds)) {
      String at = "metrics: round " + (Math.min(lines.size(), rounds) + 1);
      throw new NotReproduced(
          at + ": expected lines of " + rounds + " rounds, found " + lines.size());
    }
    for (int round = 1; round <= rounds; round++) {
      String at = "metrics: round " + round;
      ObjectNode line = parse(at, lines.get(round - 1));
      NotReproduced.unlessSame(at + ": round", round, line.path("round").asInt(-1));
      String loss = chain.entries().get(chain.position(round)).json().path("loss").asText();
      String found = Double.toHexString(line.path("training_loss").asDouble(Double.NaN));
      boolean finite = line.path("training_loss").isNumber();
      if (finite || Double.isFinite(Double.parseDouble(loss))) {
        NotReproduced.unlessSame(at + ": training_loss", loss, found);
      }
    }
    return new Metrics(lines);
  }

  private static ObjectNode parse(String at, String line) {
    try {
      if (MAPPER.readTree(line) instanceof ObjectNode json) {
        return json;
      }
    } catch (JsonProcessingException e) {
      // told below
    }
    throw new NotReproduced(at + ": expected a JSON object, found something else");
  }

  /** Refuses figures other than those that came out again. */
  void check(RoundReport report) {
    String at = "round " + report.round() + ": metrics";
    ObjectNode there = parse(at, lines.get(report.round() - 1));
    ObjectNode again = parse(at, MetricsLine.of(report));
    TreeSet<String> names = new TreeSet<>();
    for (ObjectNode node : List.of(there, again)) {
      for (Iterator<String> it = node.fieldNames(); it.hasNext(); ) {
        names.add(it.next());
      }
    }
    names.remove("seconds");
    for (String name : names) {
      NotReproduced.unlessSame(at + ": " + name, again.path(name), there.path(name));
    }
  }
}
