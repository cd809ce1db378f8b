package dev.recall.job.config;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;

/** What Jazzer calls with bytes for configuration text. */
public final class ConfigFuzz {

  private ConfigFuzz() {}

  /** Loads the classes, which would count as time of the first input. */
  public static void fuzzerInitialize() {
    fuzzerTestOneInput(new byte[0]);
  }

  /** The text of a file, then assignments, with zero bytes between. */
  public static void fuzzerTestOneInput(byte[] input) {
    List<String> parts = Arrays.asList(new String(input, StandardCharsets.UTF_8).split("\0", -1));
    List<String> assignments = parts.subList(1, parts.size());
    load(new ConfigSource("my.conf", parts.get(0)), assignments);
    load(ConfigSource.stored("stored", parts.get(0)), List.of());
  }

  private static void load(ConfigSource source, List<String> assignments) {
    RunConfig config;
    try {
      config = ConfigLoader.load(List.of(source), assignments);
    } catch (InvalidConfig e) {
      return;
    }
    try {
      ConfigSource text = ConfigSource.stored("text", config.text());
      RunConfig again = ConfigLoader.load(List.of(text), List.of());
      if (!again.text().equals(config.text()) || !config.exactnessConflicts(again).isEmpty()) {
        throw new AssertionError("expected " + config.text() + ", found " + again.text());
      }
    } catch (InvalidConfig e) {
      throw new AssertionError(config.text(), e);
    }
  }

  /** Texts to begin with. */
  public static void writeSeeds(Path folder) throws IOException {
    Files.writeString(folder.resolve("text"), Configs.small().text());
    Files.writeString(
        folder.resolve("sections"),
        """
        # a comment
        seed = 7, stop { rounds = 5, target-loss : 0.5 }
        task.steps = ${task.remember} // another
        training.optimizer = ${training.local-optimizer} { epsilon = 1e-3 }
        model.layers = [1, (lstm, 2), 1]
        task.kind = \"""memory\"""
        """);
    Files.writeString(
        folder.resolve("assignments"),
        "seed += 1\0seed=5\0stop.rounds=${seed}\0model.layers=[1, ('lstm', 2), 1]\0x=\"\\u0041\"");
    Files.writeString(
        folder.resolve("includes"),
        "include \"a\"\ninclude file(\"b\")\ninclude required(url(\"file:c\"))\n"
            + "include classpath(\"d\")");
  }
}
