package dev.recall.job.store;

import dev.recall.job.train.ChainLine;
import java.util.ArrayList;
import java.util.List;

/** Lines that wait for the next checkpoint. Saves may run on another thread than rounds. */
final class Unsaved {

  private final List<Metrics> metrics = new ArrayList<>();
  private final List<ChainLine> chain = new ArrayList<>();
  private int saved = -1;

  private record Metrics(int round, String text) {}

  /** What one save writes. */
  record Lines(int first, List<String> metrics, List<String> chain) {}

  synchronized void metrics(int round, String text) {
    metrics.add(new Metrics(round, text));
  }

  synchronized void chain(ChainLine line) {
    chain.add(line);
  }

  synchronized Lines lines() {
    return new Lines(
        saved + 1,
        metrics.stream().map(Metrics::text).toList(),
        chain.stream().map(ChainLine::text).toList());
  }

  /** The lines are in files, and so is the checkpoint of that round. */
  synchronized void saved(Lines lines, int round) {
    metrics.subList(0, lines.metrics().size()).clear();
    chain.subList(0, lines.chain().size()).clear();
    saved = round;
  }

  /** Lines up to a round are in files, but for those of the chain that are given. */
  synchronized void begin(int round, List<String> chainLines) {
    metrics.clear();
    chain.clear();
    chainLines.forEach(line -> chain.add(ChainLine.parse(line)));
    saved = round;
  }

  synchronized int savedUpTo() {
    return saved;
  }

  /** Drops what follows a round; of the chain, what follows a link. */
  synchronized void cut(int round, String link) {
    metrics.removeIf(line -> line.round() > round);
    int after = 0;
    for (int i = 0; i < chain.size(); i++) {
      if (chain.get(i).link().equals(link)) {
        after = i + 1;
      }
    }
    chain.subList(after, chain.size()).clear();
  }
}
