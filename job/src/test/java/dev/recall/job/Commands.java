package dev.recall.job;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.ArrayList;
import java.util.List;

/** Runs Recall in this JVM, as its main method does. */
public final class Commands {

  /** What a person sees of it. */
  public record Result(int exitCode, String out, String err) {}

  private Commands() {}

  public static Result recall(String... args) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    int exitCode = Main.run(new PrintWriter(out, true), new PrintWriter(err, true), args);
    return new Result(exitCode, out.toString(), err.toString());
  }

  public static Result recall(List<String> args) {
    return recall(args.toArray(new String[0]));
  }

  /** The verb and its options, then a {@code --set} for each assignment. */
  public static List<String> with(List<String> assignments, String... verbAndOptions) {
    List<String> args = new ArrayList<>(List.of(verbAndOptions));
    for (String assignment : assignments) {
      args.add("--set");
      args.add(assignment);
    }
    return args;
  }
}
