package dev.recall.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/** Libraries of Python that tests compare with, where this machine has them. */
final class Python {

  /** Looked for and not imported: that takes seconds for some. */
  private static final String FIND =
      "import importlib.util, sys; sys.exit(importlib.util.find_spec(sys.argv[1]) is None)";

  private Python() {}

  /** Runs a script that needs a module; skips the test, saying so, where there is none. */
  static String run(Path folder, String module, String script, List<String> arguments) {
    Optional<String> python = with(folder, module);
    if (python.isEmpty()) {
      String reason = "no python3 here has the module " + module;
      System.out.println("comparing with " + module + ": skipped, " + reason);
      abort(reason);
    }
    List<String> command = new ArrayList<>(List.of(python.get(), "-c", script));
    command.addAll(arguments);
    Ended ended = run(folder, command);
    assertThat(ended.exitCode()).as(ended.output()).isZero();
    return ended.output();
  }

  /** Of $PYTHON, python3 and Debian's, the first that has the module. */
  private static Optional<String> with(Path folder, String module) {
    return Stream.of(System.getenv("PYTHON"), "python3", "/usr/bin/python3")
        .filter(python -> python != null && !python.isEmpty())
        .filter(python -> run(folder, List.of(python, "-c", FIND, module)).exitCode() == 0)
        .findFirst();
  }

  private record Ended(int exitCode, String output) {}

  private static Ended run(Path folder, List<String> command) {
    Path output = folder.resolve("python-output");
    try {
      Process process =
          new ProcessBuilder(command)
              .redirectErrorStream(true)
              .redirectOutput(output.toFile())
              .start();
      try {
        assertThat(process.waitFor(2, TimeUnit.MINUTES)).as("ends by itself").isTrue();
      } finally {
        process.destroyForcibly();
      }
      return new Ended(process.exitValue(), Files.readString(output, StandardCharsets.UTF_8));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException(e);
    } catch (IOException e) {
      return new Ended(-1, String.valueOf(e.getMessage())); // there is no such program
    }
  }
}
