package dev.recall.job;

import dev.recall.job.config.ConfigLoader;
import dev.recall.job.config.ConfigSource;
import dev.recall.job.config.InvalidConfig;
import dev.recall.job.config.RunConfig;
import dev.recall.job.train.LocalRounds;
import dev.recall.job.train.NumericalException;
import dev.recall.job.train.RoundReport;
import dev.recall.job.train.ShardPlan;
import dev.recall.job.train.Trainer;
import dev.recall.job.train.TrainingListener;
import dev.recall.job.train.TrainingState;
import dev.recall.model.Evaluation;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.stream.LongStream;

/**
 * Trains every combination of settings with several seeds, on one thread without Spark, and makes a
 * table of what came out.
 *
 * <pre>
 * Study run RESULTS --seeds 1-5 [--gradients N] [--config FILE]... [--runs N] key=value|value...
 * Study table RESULTS [TEXT]
 * </pre>
 *
 * <p>{@code run} appends one line per run to the file RESULTS and leaves out runs that it has
 * already; with {@code --gradients} each run gets so many rounds that all its shards' gradients
 * come to N, and with {@code --runs} it ends after that many runs, with exit code 3 when some are
 * left. {@code table} prints a line per combination in Markdown, in the order of the file, of those
 * whose settings contain TEXT.
 */
final class Study {

  private static final String HEAD =
      "settings\tseed\trounds\tgradients\texamples\trecall_mse\trounds_to_0.1"
          + "\trounds_to_0.01\tseconds_to_0.01\tseconds";

  /** Settings are separated by a space, and a value may have spaces of its own. */
  private static final String BETWEEN = " (?=[a-z-]+\\.)";

  private Study() {}

  /**
   * Runs or prints.
   *
   * @param args as above
   * @throws IOException when a file cannot be read or written
   */
  public static void main(String[] args) throws IOException {
    if (args.length >= 2 && args[0].equals("table")) {
      System.out.print(table(Path.of(args[1]), args.length > 2 ? args[2] : ""));
    } else if (args.length >= 2 && args[0].equals("run")) {
      System.exit(run(Path.of(args[1]), Arrays.asList(args).subList(2, args.length)));
    } else {
      System.err.println("Study run RESULTS OPTIONS | Study table RESULTS [TEXT]");
      System.exit(2);
    }
  }

  private static int run(Path results, List<String> args) throws IOException {
    long[] seeds = {1};
    long gradients = 0;
    int runs = Integer.MAX_VALUE;
    List<ConfigSource> files = new ArrayList<>();
    String names = "";
    List<String> combinations = List.of("");
    for (int i = 0; i < args.size(); i++) {
      switch (args.get(i)) {
        case "--seeds" -> seeds = seeds(args.get(++i));
        case "--gradients" -> gradients = Long.parseLong(args.get(++i));
        case "--runs" -> runs = Integer.parseInt(args.get(++i));
        case "--config" -> {
          Path file = Path.of(args.get(++i));
          files.add(new ConfigSource(file.toString(), Files.readString(file)));
          names += file.getFileName() + " ";
        }
        default -> combinations = times(combinations, args.get(i));
      }
    }
    Set<String> done = new LinkedHashSet<>();
    if (Files.exists(results)) {
      for (String line : Files.readAllLines(results)) {
        String[] fields = line.split("\t");
        done.add(fields[0] + "\t" + fields[1]);
      }
    } else {
      Files.writeString(results, HEAD + "\n");
    }
    boolean warm = false;
    for (String given : combinations) {
      for (long seed : seeds) {
        String combination = gradients > 0 ? given + rounds(files, given, gradients) : given;
        String settings = (names + combination).strip();
        if (!done.add(settings + "\t" + seed)) {
          continue;
        }
        if (runs-- == 0) {
          return 3;
        }
        if (!warm) {
          train(config(files, given + rounds(files, given, 3000), seed));
          warm = true;
        }
        String line = settings + "\t" + train(config(files, combination, seed));
        Files.writeString(results, line + "\n", StandardOpenOption.APPEND);
        System.out.println(line);
      }
    }
    return 0;
  }

  private static long[] seeds(String range) {
    String[] ends = range.split("-");
    return LongStream.rangeClosed(Long.parseLong(ends[0]), Long.parseLong(ends[ends.length - 1]))
        .toArray();
  }

  private static List<String> times(List<String> combinations, String assignment) {
    int equals = assignment.indexOf('=');
    String key = assignment.substring(0, equals + 1);
    List<String> longer = new ArrayList<>();
    for (String combination : combinations) {
      for (String value : assignment.substring(equals + 1).split("\\|")) {
        longer.add((combination + " " + key + value).strip());
      }
    }
    return longer;
  }

  /** The rounds that so many gradients take, as a further setting. */
  private static String rounds(List<ConfigSource> files, String combination, long gradients) {
    RunConfig config = config(files, combination, 1);
    long perRound = (long) config.training().shards() * config.training().localSteps();
    return " stop.rounds=" + Math.max(2, gradients / perRound);
  }

  private static RunConfig config(List<ConfigSource> files, String combination, long seed) {
    List<String> assignments = new ArrayList<>();
    if (!combination.isEmpty()) {
      assignments.addAll(List.of(combination.strip().split(BETWEEN)));
    }
    assignments.add("seed=" + seed);
    try {
      int rounds = ConfigLoader.load(files, assignments).stop().rounds();
      assignments.add("validation.every-rounds=" + Math.max(1, rounds / 100));
      return ConfigLoader.load(files, assignments);
    } catch (InvalidConfig e) {
      throw new IllegalArgumentException(e.getMessage(), e);
    }
  }

  /** Returns the fields from the seed on. */
  private static String train(RunConfig config) throws IOException {
    Watch watch = new Watch();
    float[] start = config.initializer().initialize(config.model(), config.seed());
    TrainingState state = TrainingState.initial(config, start);
    double recall = Double.NaN;
    try (LocalRounds rounds = new LocalRounds(ShardPlan.of(config), 1)) {
      new Trainer(config, List.of(watch)).train(state, rounds);
      recall = HeldOut.evaluate(config, state.result()).recallMse();
    } catch (NumericalException e) {
      System.err.println(e.getMessage());
    }
    double seconds = watch.seconds();
    long examples = state.examples();
    return String.format(
        Locale.ROOT,
        "%d\t%d\t%d\t%d\t%.6f\t%s\t%s\t%s\t%.1f",
        config.seed(),
        state.round(),
        examples / config.task().batchSize(),
        examples,
        recall,
        watch.tenth == null ? "-" : watch.tenth.round(),
        watch.hundredth == null ? "-" : watch.hundredth.round(),
        watch.hundredth == null ? "-" : String.format(Locale.ROOT, "%.1f", watch.hundredthSeconds),
        seconds);
  }

  /** Notes when the recall MSE on the validation batches first fell below 0.1 and 0.01. */
  private static final class Watch implements TrainingListener {
    private final long start = cpuNanos();
    private RoundReport tenth;
    private RoundReport hundredth;
    private double hundredthSeconds;

    @Override
    public void roundDone(RoundReport report) {
      double recall = report.validation().map(Evaluation::recallMse).orElse(Double.NaN);
      if (recall <= 0.1 && tenth == null) {
        tenth = report;
      }
      if (recall <= 0.01 && hundredth == null) {
        hundredth = report;
        hundredthSeconds = seconds();
      }
    }

    double seconds() {
      return (cpuNanos() - start) / 1e9;
    }

    /** CPU time of the process: other programs on the machine do not count. */
    private static long cpuNanos() {
      return ((com.sun.management.OperatingSystemMXBean)
              ManagementFactory.getOperatingSystemMXBean())
          .getProcessCpuTime();
    }
  }

  private static String table(Path results, String text) throws IOException {
    Map<String, List<String[]>> lines = new LinkedHashMap<>();
    for (String line : Files.readAllLines(results)) {
      String[] fields = line.split("\t");
      if (!fields[0].equals("settings") && fields[0].contains(text)) {
        lines.computeIfAbsent(fields[0], settings -> new ArrayList<>()).add(fields);
      }
    }
    Set<String> common = common(lines.keySet());
    StringBuilder table = new StringBuilder();
    if (!common.isEmpty()) {
      table.append("All: `").append(String.join(" ", common)).append("`\n\n");
    }
    table.append(
        "| settings | rounds | examples | median | worst | above 0.01 | rounds to 0.01"
            + " | examples to 0.01 | seconds to 0.01 | seconds |\n");
    table.append("|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|\n");
    for (Map.Entry<String, List<String[]>> line : lines.entrySet()) {
      Set<String> own = words(line.getKey());
      own.removeAll(common);
      own.removeIf(word -> word.startsWith("stop.rounds="));
      table.append(row(String.join(" ", own), line.getValue()));
    }
    return table.toString();
  }

  /** What all lines have, when there is more than one. */
  private static Set<String> common(Set<String> lines) {
    Set<String> common = new LinkedHashSet<>();
    if (lines.size() > 1) {
      common.addAll(words(lines.iterator().next()));
      lines.forEach(line -> common.retainAll(words(line)));
    }
    return common;
  }

  private static Set<String> words(String settings) {
    return new LinkedHashSet<>(List.of(settings.split(BETWEEN)));
  }

  private static String row(String settings, List<String[]> runs) {
    double rounds = Double.parseDouble(runs.get(0)[2]);
    double examples = Double.parseDouble(runs.get(0)[4]);
    double[] recall = column(runs, 5);
    double reached = median(column(runs, 7));
    return String.format(
        Locale.ROOT,
        "| %s | %,.0f | %,.0f | %.5f | %.4f | %d of %d | %s | %s | %s | %.1f |%n",
        settings.isEmpty() ? "(defaults)" : settings,
        rounds,
        examples,
        median(recall),
        recall[recall.length - 1],
        Arrays.stream(recall).filter(mse -> !(mse <= 0.01)).count(),
        runs.size(),
        number("%,.0f", reached),
        number("%,.0f", reached * examples / rounds),
        number("%.1f", median(column(runs, 8))),
        median(column(runs, 9)));
  }

  private static String number(String format, double value) {
    return Double.isFinite(value) ? String.format(Locale.ROOT, format, value) : "";
  }

  /** Sorted; what is not a number counts as infinite. */
  private static double[] column(List<String[]> runs, int field) {
    return runs.stream().map(fields -> fields[field]).mapToDouble(Study::parsed).sorted().toArray();
  }

  private static double parsed(String x) {
    return x.equals("-") || x.equals("NaN") ? Double.POSITIVE_INFINITY : Double.parseDouble(x);
  }

  private static double median(double[] sorted) {
    int half = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  }
}
