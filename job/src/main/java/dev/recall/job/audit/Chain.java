package dev.recall.job.audit;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.recall.job.train.ChainLine;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/** The hash chain of a run, read and found to be in one piece. */
final class Chain {

  private static final ObjectMapper MAPPER = new ObjectMapper();

  private final List<Entry> entries = new ArrayList<>();
  private final Map<String, Integer> byLink = new HashMap<>();
  private final Map<Integer, Integer> byRound = new HashMap<>();

  /**
   * A line and where the run stands after it.
   *
   * @param line of the chain
   * @param json the line's fields
   * @param round rounds done
   * @param rejected rounds rejected so far
   * @param parameters SHA-256 of the parameters
   * @param settings SHA-256 of the settings that decide the bits
   */
  record Entry(
      ChainLine line, JsonNode json, int round, int rejected, String parameters, String settings) {

    boolean isChange() {
      return json.has("changed_after");
    }

    /** Whether the rounds before it, back to {@link #round}, never were. */
    boolean goesBack() {
      return json.has("rejected") && round < json.path("rejected").asInt();
    }

    String name() {
      return json.has("round") || json.has("rejected")
          ? "round " + json.path("round").asInt(json.path("rejected").asInt())
          : isChange() ? "change after round " + round : "beginning";
    }
  }

  /** Reads lines, and refuses the first that does not follow from those before it. */
  static Chain of(List<String> lines) {
    Chain chain = new Chain();
    Entry before = new Entry(new ChainLine("", ""), MAPPER.nullNode(), 0, 0, "", "");
    for (String text : lines) {
      before = next(before, ChainLine.parse(text));
      chain.byLink.put(before.line.link(), chain.entries.size());
      if (!before.isChange() && !before.goesBack()) {
        chain.byRound.put(before.round, chain.entries.size());
      }
      chain.entries.add(before);
    }
    if (chain.entries.isEmpty()) {
      throw new NotReproduced("chain: expected lines, found none");
    }
    return chain;
  }

  private static Entry next(Entry before, ChainLine line) {
    Entry entry = standing(before, line, parse(before, line));
    String link = ChainLine.linkOf(before.line.link(), line.unlinked());
    NotReproduced.unlessSame("chain: " + entry.name() + ": link", link, line.link());
    return entry;
  }

  /** The fields of a line that we made ourselves. */
  static JsonNode fields(ChainLine line) {
    try {
      return MAPPER.readTree(line.text());
    } catch (JsonProcessingException e) {
      throw new IllegalStateException("our own line", e);
    }
  }

  private static JsonNode parse(Entry before, ChainLine line) {
    try {
      JsonNode json = MAPPER.readTree(line.text());
      if (json != null && json.isObject()) {
        return json;
      }
    } catch (JsonProcessingException e) {
      // told below
    }
    throw new NotReproduced(
        "chain: line after " + before.name() + ": expected a JSON object, found something else");
  }

  /** Where the run stands after a line. */
  private static Entry standing(Entry before, ChainLine line, JsonNode json) {
    if (before.line.link().isEmpty()) {
      NotReproduced.unlessSame("chain: first line", true, json.has("begin"));
      return new Entry(
          line, json, 0, 0, json.path("parameters").asText(), json.path("settings").asText());
    }
    if (json.has("changed_after")) {
      NotReproduced.unlessSame(
          "chain: change: rounds before it", before.round, json.path("changed_after").asInt(-1));
      return new Entry(
          line,
          json,
          before.round,
          before.rejected,
          before.parameters,
          json.path("settings").asText());
    }
    boolean rejected = json.has("rejected");
    int round = json.path(rejected ? "back_to" : "round").asInt(-1);
    boolean goesBack = rejected && round < json.path("rejected").asInt();
    Entry entry =
        new Entry(
            line,
            json,
            round,
            before.rejected + (rejected ? 1 : 0),
            json.path("after").asText(),
            before.settings);
    String at = "chain: " + entry.name();
    NotReproduced.unlessSame(at + ": rounds", before.round + (goesBack ? 0 : 1), round);
    String start = json.path(goesBack ? "after" : "before").asText();
    NotReproduced.unlessSame(at + ": parameters before it", before.parameters, start);
    return entry;
  }

  List<Entry> entries() {
    return entries;
  }

  Entry head() {
    return entries.get(entries.size() - 1);
  }

  /** Drops the lines after a position. */
  void cutAfter(int position) {
    List<Entry> after = entries.subList(position + 1, entries.size());
    after.forEach(entry -> byLink.remove(entry.line.link()));
    byRound.values().removeIf(at -> at > position);
    after.clear();
  }

  /** Where a link stands. */
  OptionalInt position(String link) {
    Integer position = byLink.get(link);
    return position == null ? OptionalInt.empty() : OptionalInt.of(position);
  }

  /** Where the line of a round stands: the last that counts for it. */
  int position(int round) {
    Integer position = byRound.get(round);
    if (position == null) {
      throw new IllegalArgumentException("chain: expected round " + round + ", found none");
    }
    return position;
  }
}
