package dev.recall.peers.recall;

import dev.recall.datagen.BatchKey;
import dev.recall.datagen.MemoryTask;
import dev.recall.datagen.Purpose;
import dev.recall.datagen.SequenceBatch;
import dev.recall.datagen.Targets;
import dev.recall.model.RegressorSpec;
import dev.recall.model.TheanetsInitializer;
import dev.recall.model.recurrent.PeakBenchmark;
import dev.recall.peers.Problem;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * Measures one gradient of all contestants in alternation and prints tables in Markdown.
 *
 * <p>Every contestant is a process of its own. In each round every one runs for a slice of time
 * while the others wait, so that noise of the machine hits all alike. Rounds go forwards and
 * backwards through the contestants by turns.
 */
final class Bench {

  private static final long SEED = 13;
  private static final int PEAK_CALLS = 20_000;

  private final double slice;
  private final int rounds;
  private final double warmUp;
  private final Map<String, List<String>> commands;
  private final Map<String, String> targets;
  private final File log;
  private final PeakBenchmark peak = new PeakBenchmark();
  private double peakGflops;

  private Bench(
      double slice,
      int rounds,
      double warmUp,
      Map<String, List<String>> commands,
      Map<String, String> targets,
      File log) {
    this.slice = slice;
    this.rounds = rounds;
    this.warmUp = warmUp;
    this.commands = commands;
    this.targets = targets;
    this.log = log;
  }

  /**
   * As {@code deploy/bin/bench} calls it: H, B and T with commas between, rounds, seconds of a
   * slice and of the warm-up, targets, revision, log; then for each contestant {@code --}, its id
   * and its command.
   */
  public static void main(String[] arguments) throws IOException {
    Map<String, List<String>> commands = new LinkedHashMap<>();
    List<String> words = Arrays.asList(arguments);
    int head = words.indexOf("--");
    for (int i = head; i < words.size(); ) {
      List<String> rest = words.subList(i + 1, words.size());
      int end = rest.contains("--") ? i + 1 + rest.indexOf("--") : words.size();
      commands.put(words.get(i + 1), words.subList(i + 2, end));
      i = end;
    }
    Map<String, String> targets = new HashMap<>();
    for (String target : arguments[6].isEmpty() ? new String[0] : arguments[6].split(",")) {
      targets.put(target.split("=")[0], target.split("=")[1]);
    }
    double slice = Double.parseDouble(arguments[4]);
    int rounds = Integer.parseInt(arguments[3]);
    double warmUp = Double.parseDouble(arguments[5]);
    Bench bench = new Bench(slice, rounds, warmUp, commands, targets, new File(arguments[8]));
    String load = load();
    List<Cell> cells = new ArrayList<>();
    for (int hidden : numbers(arguments[0])) {
      for (int batch : numbers(arguments[1])) {
        for (int steps : numbers(arguments[2])) {
          cells.add(bench.measure(hidden, batch, steps));
        }
      }
    }
    bench.print(cells, arguments[7], load);
  }

  private static int[] numbers(String list) {
    return Arrays.stream(list.split(",")).mapToInt(Integer::parseInt).toArray();
  }

  /** What one shape gave. */
  private record Cell(int hidden, int batch, int steps, List<ContestantProcess> contestants) {

    /**
     * Operations of the matrix products, a multiply-add being two: forward 4H (H + 2) and H,
     * backward 4H H and H, weights 4H (H + 2) and H, for each step of each sequence.
     */
    double flop() {
      double h = hidden;
      return 2 * steps * (double) batch * (4 * h * (3 * h + 4) + 3 * h);
    }

    /** The Recall engine that computes the same function, with or without peepholes. */
    Optional<ContestantProcess> reference(ContestantProcess contestant) {
      String id = contestant.id().endsWith("-peepholes") ? "recall-peepholes" : "recall";
      return contestants.stream().filter(c -> c.id().equals(id) && c.isAvailable()).findFirst();
    }
  }

  private Cell measure(int hidden, int batch, int steps) throws IOException {
    Path file = Files.createTempFile("problem", ".floats");
    List<ContestantProcess> all = new ArrayList<>();
    try {
      writeProblem(file, hidden, batch, steps);
      for (Map.Entry<String, List<String>> entry : commands.entrySet()) {
        System.err.printf("bench: H %d, B %d, T %d: %s%n", hidden, batch, steps, entry.getKey());
        List<String> command = new ArrayList<>(entry.getValue());
        command.addAll(List.of("" + hidden, "" + batch, "" + steps, file.toString()));
        ContestantProcess contestant = new ContestantProcess(entry.getKey(), command, log);
        all.add(contestant);
        contestant.warmUp(warmUp, slice);
      }
      alternate(all);
    } finally {
      all.forEach(ContestantProcess::close);
      Files.delete(file);
    }
    return new Cell(hidden, batch, steps, all);
  }

  private void alternate(List<ContestantProcess> contestants) throws IOException {
    int count = contestants.size();
    measurePeak();
    for (int round = 0; round < rounds; round++) {
      for (int i = 0; i < count; i++) {
        contestants.get(round % 2 == 0 ? i : count - 1 - i).measure(slice);
      }
      measurePeak();
    }
  }

  /** Keeps the best of all rounds: a peak is what the machine can do. */
  private void measurePeak() {
    long begin = System.nanoTime();
    for (int i = 0; i < PEAK_CALLS; i++) {
      peak.multiplyAdd();
    }
    double gflops = (double) PEAK_CALLS * PeakBenchmark.FLOP / (System.nanoTime() - begin);
    peakGflops = Math.max(peakGflops, gflops);
  }

  /**
   * A start of theanets, whose peepholes and biases are not zero, and a batch of the memory task.
   */
  private static void writeProblem(Path file, int hidden, int batch, int steps) throws IOException {
    RegressorSpec spec = RegressorSpec.parse("[1, (lstm, " + hidden + "), 1]", true);
    MemoryTask task = new MemoryTask(steps, Math.min(3, steps), 1, batch, Targets.ALL);
    SequenceBatch data = task.newBatch();
    task.generate(new BatchKey(SEED, Purpose.TRAINING, 0, 0, 0), data);
    float[] parameters = new TheanetsInitializer().initialize(spec, SEED);
    Problem.write(file, parameters, data.inputs(), data.targets());
  }

  private void print(List<Cell> cells, String revision, String loadBefore) throws IOException {
    System.out.println("| | |\n|---|---|");
    row("machine", processors() + "; every contestant has one thread");
    row("software", "OpenJDK " + System.getProperty("java.version") + ", Recall " + revision);
    row("load average", loadBefore + " before, " + load() + " after");
    row("rounds", rounds + " of " + slice + " s in alternation, after " + warmUp + " s to warm up");
    row("peak of the core", number(peakGflops) + " GFLOP/s");
    System.out.println();
    boolean withTargets = !targets.isEmpty();
    System.out.println(
        "| H | B | T | | median µs | minimum µs | GFLOP/s | of peak | time / Recall's |"
            + (withTargets ? " target |" : "")
            + " loss | gradient norm |");
    System.out.println("|--:|--:|--:|---" + "|--:".repeat(withTargets ? 8 : 7) + "|");
    for (Cell cell : cells) {
      for (ContestantProcess contestant : cell.contestants()) {
        System.out.println(line(cell, contestant, withTargets));
      }
    }
    if (cells.size() > 1) {
      printRatios(cells);
    }
  }

  private static void row(String name, String value) {
    System.out.println("| " + name + " | " + value + " |");
  }

  private String line(Cell cell, ContestantProcess contestant, boolean withTargets) {
    String shape = "| " + cell.hidden() + " | " + cell.batch() + " | " + cell.steps() + " | ";
    if (!contestant.isAvailable()) {
      return shape
          + contestant.id()
          + ": "
          + contestant.name()
          + " |"
          + " |".repeat(withTargets ? 8 : 7);
    }
    double gflops = cell.flop() / contestant.median();
    return shape
        + String.join(
            " | ",
            contestant.name(),
            number(contestant.median() / 1e3),
            number(contestant.minimum() / 1e3),
            number(gflops),
            number(100 * gflops / peakGflops) + "%",
            ratio(cell, contestant)
                + (withTargets ? " | " + targets.getOrDefault(contestant.id(), "") : ""),
            String.format(Locale.ROOT, "%.5f", contestant.loss()),
            String.format(Locale.ROOT, "%.5f", contestant.gradientNorm()))
        + " |";
  }

  private static String ratio(Cell cell, ContestantProcess contestant) {
    return cell.reference(contestant)
        .map(reference -> number(contestant.median() / reference.median()))
        .orElse("");
  }

  private void printRatios(List<Cell> cells) {
    System.out.println("\nTime / Recall's:\n");
    System.out.println("| H | B | T | " + String.join(" | ", commands.keySet()) + " |");
    System.out.println("|--:|--:|--:" + "|--:".repeat(commands.size()) + "|");
    for (Cell cell : cells) {
      List<String> words = new ArrayList<>();
      for (ContestantProcess contestant : cell.contestants()) {
        words.add(contestant.isAvailable() ? ratio(cell, contestant) : "");
      }
      System.out.printf(
          "| %d | %d | %d | %s |%n",
          cell.hidden(), cell.batch(), cell.steps(), String.join(" | ", words));
    }
  }

  /** Three digits, without exponent. */
  private static String number(double value) {
    int digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
    return String.format(Locale.ROOT, "%,." + digits + "f", value);
  }

  private static String processors() throws IOException {
    Path file = Path.of("/proc/cpuinfo");
    List<String> models =
        (Files.exists(file) ? Files.readAllLines(file) : List.<String>of())
            .stream().filter(line -> line.startsWith("model name")).toList();
    return models.isEmpty()
        ? System.getProperty("os.arch")
        : models.size() + " cores of " + models.get(0).replaceFirst(".*:\\s*", "");
  }

  private static String load() throws IOException {
    Path file = Path.of("/proc/loadavg");
    return Files.exists(file)
        ? String.join(" ", Arrays.copyOf(Files.readString(file).split(" "), 3))
        : "unknown";
  }
}
