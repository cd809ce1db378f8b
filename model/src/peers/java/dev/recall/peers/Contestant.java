package dev.recall.peers;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.function.Function;

/** One implementation of the gradient, on one thread of a process of its own. */
public interface Contestant {

  /** Name and version for the table. */
  String name();

  /** Computes loss and gradient once. */
  void gradient();

  /** Mean squared error of the last gradient. */
  double loss();

  /** Euclidean norm of the gradient of the mean squared error, from the first call. */
  double gradientNorm();

  /**
   * Answers the driver. The first line out is name, loss and gradient norm with tabs between, or
   * {@code unavailable: reason}. Each line {@code run N} in is answered with the nanoseconds of N
   * gradients.
   *
   * @param start makes the contestant
   * @param arguments the last four are H, B, T and the problem's file
   * @throws IOException when stdin fails
   */
  static void serve(Function<Problem, Contestant> start, String... arguments) throws IOException {
    PrintStream answers = System.out;
    System.setOut(System.err); // some libraries greet on stdout
    Contestant contestant;
    try {
      int at = arguments.length - 4;
      int hidden = Integer.parseInt(arguments[at]);
      int batch = Integer.parseInt(arguments[at + 1]);
      int steps = Integer.parseInt(arguments[at + 2]);
      contestant = start.apply(Problem.read(Path.of(arguments[at + 3]), hidden, batch, steps));
      contestant.gradient();
      answers.println(
          contestant.name() + "\t" + contestant.loss() + "\t" + contestant.gradientNorm());
    } catch (Exception | LinkageError e) {
      e.printStackTrace();
      answers.println("unavailable: " + e.toString().lines().findFirst().orElseThrow());
      return;
    }
    BufferedReader orders =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String order = orders.readLine(); order != null; order = orders.readLine()) {
      int times = Integer.parseInt(order.substring("run ".length()));
      long begin = System.nanoTime();
      for (int i = 0; i < times; i++) {
        contestant.gradient();
      }
      answers.println(System.nanoTime() - begin);
    }
  }
}
