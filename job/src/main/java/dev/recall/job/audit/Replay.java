package dev.recall.job.audit;

import com.fasterxml.jackson.databind.JsonNode;
import dev.recall.job.config.ConfigLoader;
import dev.recall.job.config.ConfigSource;
import dev.recall.job.config.InvalidConfig;
import dev.recall.job.config.RunConfig;
import dev.recall.job.config.StopConfig;
import dev.recall.job.store.Checkpoint;
import dev.recall.job.train.ChainLine;
import dev.recall.job.train.LocalRounds;
import dev.recall.job.train.RoundReport;
import dev.recall.job.train.RoundRunner;
import dev.recall.job.train.ShardPlan;
import dev.recall.job.train.Snapshot;
import dev.recall.job.train.StoppingRule;
import dev.recall.job.train.Trainer;
import dev.recall.job.train.TrainingListener;
import dev.recall.job.train.TrainingState;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * Trains a part of a run again, from one of its checkpoints, and refuses the first thing that comes
 * out other than the run says.
 */
final class Replay implements TrainingListener {

  private final Chain chain;
  private final Metrics metrics;
  private final Map<Integer, Checkpoint.Restored> checkpoints; // by position in the chain
  private final TrainingState state;
  private final int threads;
  private RunConfig config;
  private int position; // of the last line that came out again
  private int rounds;

  Replay(
      Chain chain,
      Metrics metrics,
      Map<Integer, Checkpoint.Restored> checkpoints,
      int start,
      int threads) {
    this.chain = chain;
    this.metrics = metrics;
    this.checkpoints = checkpoints;
    this.threads = threads;
    this.position = start;
    this.state = checkpoints.get(start).state();
    this.config = checkpoints.get(start).config();
  }

  /** Returns how many rounds were computed. */
  int rounds() {
    return rounds;
  }

  /** Trains until the line at a position has come out again. */
  void until(int target) throws IOException {
    while (position < target) {
      if (chain.entries().get(position + 1).isChange()) {
        change();
      } else {
        train(beforeNextChange(target));
      }
    }
  }

  private int beforeNextChange(int target) {
    int end = position + 1;
    while (end < target && !chain.entries().get(end + 1).isChange()) {
      end++;
    }
    return end;
  }

  private void train(int end) throws IOException {
    StopConfig limits = config.stop();
    StopConfig none =
        new StopConfig(Integer.MAX_VALUE, 0, 0, 0, Integer.MAX_VALUE, limits.minImprovement());
    StoppingRule stop = new StoppingRule(none, () -> position >= end);
    try (RoundRunner runner = new LocalRounds(ShardPlan.of(config), threads)) {
      new Trainer(config, List.of(this), stop).train(state, runner);
    }
  }

  private void change() {
    Chain.Entry entry = chain.entries().get(position + 1);
    Map<String, String> values = new TreeMap<>();
    entry
        .json()
        .path("values")
        .fields()
        .forEachRemaining(value -> values.put(value.getKey(), value.getValue().asText()));
    List<String> assignments =
        values.entrySet().stream().map(value -> value.getKey() + "=" + value.getValue()).toList();
    RunConfig before = config;
    try {
      ConfigSource source = ConfigSource.stored("settings before the change", before.text());
      config = ConfigLoader.load(List.of(source), assignments);
    } catch (InvalidConfig e) {
      throw new NotReproduced("chain: " + entry.name() + ": " + e.getMessage());
    }
    ChainLine line = state.changed(values, before, config);
    NotReproduced.unlessSame("chain: " + entry.name(), entry.line().text(), line.text());
    position++;
  }

  @Override
  public void chained(ChainLine line) {
    Chain.Entry expected = chain.entries().get(position + 1);
    JsonNode found = Chain.fields(line);
    rounds++;
    if (expected.goesBack() && found.has("round")) {
      int round = found.path("round").asInt();
      if (round >= expected.json().path("rejected").asInt()) {
        throw new NotReproduced(
            expected.name() + ": expected it not to be finite, found it finite");
      }
      return; // a round that the rejection to come has undone
    }
    if (!expected.line().equals(line)) {
      throw new NotReproduced(difference(expected, found));
    }
    position++;
  }

  private static String difference(Chain.Entry expected, JsonNode found) {
    if (expected.json().has("rejected") != found.has("rejected")) {
      return expected.name()
          + ": expected it "
          + (found.has("rejected") ? "to be" : "not to be")
          + " finite, found the opposite";
    }
    JsonNode theirs = expected.json().path("shards");
    JsonNode ours = found.path("shards");
    for (int shard = 0; shard < Math.max(theirs.size(), ours.size()); shard++) {
      if (!theirs.path(shard).equals(ours.path(shard))) {
        return expected.name()
            + ", shard "
            + shard
            + ": expected a contribution with SHA-256 "
            + theirs.path(shard).asText("none")
            + ", found "
            + ours.path(shard).asText("none");
      }
    }
    for (String field : List.of("loss", "before", "after", "back_to", "rate_factor")) {
      if (!expected.json().path(field).equals(found.path(field))) {
        return expected.name()
            + ": "
            + field
            + ": expected "
            + expected.json().path(field).asText()
            + ", found "
            + found.path(field).asText();
      }
    }
    return expected.name() + ": expected " + expected.line().text() + ", found " + found;
  }

  @Override
  public void roundDone(RoundReport report) {
    Chain.Entry entry = chain.entries().get(position);
    if (entry.round() == report.round() && !entry.goesBack()) {
      metrics.check(report);
      compareCheckpoint();
    }
  }

  private void compareCheckpoint() {
    Checkpoint.Restored there = checkpoints.get(position);
    if (there == null) {
      return;
    }
    Snapshot now = state.snapshot();
    if (!now.sameBits(there.now()) || !state.back().sameBits(there.back())) {
      throw new NotReproduced(
          "checkpoint of round "
              + now.round()
              + ": expected the state of the replay, found another");
    }
  }
}
