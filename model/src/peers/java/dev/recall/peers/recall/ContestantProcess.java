package dev.recall.peers.recall;

import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** A contestant's process and the times that it has answered. It waits between orders. */
final class ContestantProcess implements AutoCloseable {

  private final String id;
  private String[] greeting; // name, loss, gradient norm; or why it is not available
  private final Process process;
  private final BufferedReader answers;
  private final PrintStream orders;
  private final List<Double> times = new ArrayList<>();
  private double last = Double.NaN;

  /**
   * Starts the process and waits for its first gradient.
   *
   * @param id as the user names it
   * @param command with all arguments
   * @param log receives what the process writes to stderr
   * @throws IOException when the command cannot be started
   */
  ContestantProcess(String id, List<String> command, File log) throws IOException {
    this.id = id;
    process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.appendTo(log)).start();
    answers = process.inputReader(StandardCharsets.UTF_8);
    orders = new PrintStream(process.getOutputStream(), true, StandardCharsets.UTF_8);
    greeting = answer().split("\t");
  }

  private String answer() throws IOException {
    String line = answers.readLine();
    return line == null ? "unavailable: it ended, see bench.log" : line;
  }

  String id() {
    return id;
  }

  boolean isAvailable() {
    return greeting.length == 3;
  }

  /** Name and version, or why it is not available. */
  String name() {
    return greeting[0];
  }

  double loss() {
    return Double.parseDouble(greeting[1]);
  }

  double gradientNorm() {
    return Double.parseDouble(greeting[2]);
  }

  /** Runs slices for a time, so that the JIT compiles and caches fill. */
  void warmUp(double seconds, double slice) throws IOException {
    long end = System.nanoTime() + (long) (1e9 * seconds);
    while (isAvailable() && System.nanoTime() < end) {
      last = run(slice);
    }
  }

  /** Runs one slice and keeps the time per gradient. */
  void measure(double slice) throws IOException {
    if (isAvailable()) {
      last = run(slice);
      times.add(last);
    }
  }

  /** As many gradients as the slice before says, at least one. Returns nanoseconds for each. */
  private double run(double slice) throws IOException {
    int count = Double.isNaN(last) ? 1 : (int) Math.max(1, Math.min(1e6, 1e9 * slice / last));
    orders.println("run " + count);
    String answer = answer();
    if (!answer.matches("\\d+")) {
      greeting = new String[] {answer};
      return Double.NaN;
    }
    return Double.parseDouble(answer) / count;
  }

  /** Nanoseconds. */
  double median() {
    List<Double> sorted = times.stream().sorted().toList();
    int count = sorted.size();
    return (sorted.get((count - 1) / 2) + sorted.get(count / 2)) / 2;
  }

  /** Nanoseconds. */
  double minimum() {
    return Collections.min(times);
  }

  @Override
  public void close() {
    orders.close(); // the end of its stdin ends it
    process.destroy();
  }
}
