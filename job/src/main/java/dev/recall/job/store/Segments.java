package dev.recall.job.store;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Lines about rounds in files {@code rounds-FIRST-LAST.jsonl}, a file per checkpoint: no file
 * system appends everywhere.
 */
final class Segments {

  private static final Pattern NAME = Pattern.compile("rounds-(\\d{1,9})-(\\d{1,9})\\.jsonl");

  private final Storage storage;
  private final String directory;

  Segments(Storage storage, String directory) {
    this.storage = storage;
    this.directory = directory;
  }

  String directory() {
    return directory;
  }

  /** Writes the lines of the rounds first..last; no file without lines. */
  void write(int first, int last, List<String> lines) throws IOException {
    if (!lines.isEmpty()) {
      String text = String.join("\n", lines) + "\n";
      storage.write(path(first, last), text.getBytes(StandardCharsets.UTF_8));
    }
  }

  private String path(int first, int last) {
    return String.format(Locale.ROOT, "%s/rounds-%08d-%08d.jsonl", directory, first, last);
  }

  /** A file and the rounds that its name tells. */
  record Segment(String path, int first, int last) {
    private boolean holds(Segment other) {
      return first <= other.first && other.last <= last;
    }
  }

  /**
   * The files in the order of their rounds. One whose rounds are in another as well does not count:
   * it was about to go, or came into place after it had been given up.
   */
  List<Segment> segments() {
    List<Segment> all = files();
    return all.stream()
        .filter(one -> all.stream().noneMatch(other -> other != one && other.holds(one)))
        .toList();
  }

  private List<Segment> files() {
    List<Segment> segments = new ArrayList<>();
    for (String name : storage.list(directory)) {
      Matcher matcher = NAME.matcher(name);
      if (matcher.matches()) {
        int first = Integer.parseInt(matcher.group(1));
        int last = Integer.parseInt(matcher.group(2));
        segments.add(new Segment(directory + "/" + name, first, last));
      }
    }
    segments.sort(Comparator.comparingInt(Segment::first).thenComparingInt(Segment::last));
    return segments;
  }

  /** The lines of a file. */
  List<String> lines(Segment segment) {
    return new String(storage.read(segment.path()), StandardCharsets.UTF_8).lines().toList();
  }

  /**
   * Removes the files that go beyond a round, and writes again what is to stay of one that begins
   * before.
   *
   * @param kept tells which of the lines stay
   * @return lines that stay and have no file any more
   */
  List<String> cut(int round, UnaryOperator<List<String>> kept) throws IOException {
    List<Segment> beyond = segments().stream().filter(segment -> segment.last() > round).toList();
    List<String> lines = new ArrayList<>();
    beyond.forEach(segment -> lines.addAll(lines(segment)));
    List<String> stay = kept.apply(lines);
    boolean begunBefore = !beyond.isEmpty() && beyond.get(0).first() <= round;
    if (begunBefore) {
      write(beyond.get(0).first(), round, stay);
    }
    // The last first: what is left after a kill has no gap.
    List<Segment> files = files();
    for (int i = files.size() - 1; i >= 0; i--) {
      if (files.get(i).last() > round) {
        storage.delete(files.get(i).path());
      }
    }
    return begunBefore ? List.of() : stay;
  }
}
