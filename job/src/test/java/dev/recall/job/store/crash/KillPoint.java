package dev.recall.job.store.crash;

import dev.recall.job.store.crash.KillSwitch.Phase;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * A moment at which a process is ended.
 *
 * @param operation number of the operation, from 1
 * @param phase when in it
 * @param alike the same for operations of one kind on files whose names differ in numbers only
 */
record KillPoint(int operation, Phase phase, String alike) {

  /**
   * The points of a process.
   *
   * <p>After one operation is before the next: the state of the file system is the same.
   *
   * @param log lines of a {@link KillSwitch}
   * @param before whether the point before an operation is one of its own
   */
  static List<KillPoint> of(List<String> log, boolean before) {
    List<KillPoint> points = new ArrayList<>();
    for (String line : log) {
      String[] words = line.split(" ", 4);
      int number = Integer.parseInt(words[0]);
      String name = words[3].substring(words[3].lastIndexOf('/') + 1);
      String alike =
          words[1] + " " + name.replaceAll("\\.[0-9a-f-]{36}", "").replaceAll("\\d+", "#");
      if (before || number == 1) {
        points.add(new KillPoint(number, Phase.BEFORE, "before " + alike));
      }
      if (Boolean.parseBoolean(words[2])) {
        points.add(new KillPoint(number, Phase.MIDDLE, "middle " + alike));
      }
      points.add(new KillPoint(number, Phase.AFTER, "after " + alike));
    }
    return points;
  }

  /** The same point, like those of one operation on whatever file. */
  KillPoint onAnyFile() {
    return new KillPoint(operation, phase, alike.replaceFirst("^(\\S+ \\S+) .*", "$1"));
  }

  /** Of points that are alike the one in the middle. */
  static List<KillPoint> middle(List<KillPoint> points) {
    Map<String, List<KillPoint>> kinds =
        points.stream()
            .collect(
                Collectors.groupingBy(KillPoint::alike, LinkedHashMap::new, Collectors.toList()));
    return kinds.values().stream().map(kind -> kind.get(kind.size() / 2)).toList();
  }

  /** Of points that are alike the last. */
  static List<KillPoint> last(List<KillPoint> points) {
    Map<String, KillPoint> last = new LinkedHashMap<>();
    points.forEach(point -> last.put(point.alike, point));
    return List.copyOf(last.values());
  }

  /** Those that are like none of others. */
  static List<KillPoint> without(List<KillPoint> points, List<KillPoint> others) {
    Set<String> known = others.stream().map(KillPoint::alike).collect(Collectors.toSet());
    return points.stream().filter(point -> !known.contains(point.alike)).toList();
  }

  @Override
  public String toString() {
    return phase.name().toLowerCase(Locale.ROOT) + " " + operation + " (" + alike + ")";
  }
}
