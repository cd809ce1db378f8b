package dev.recall.job;

import dev.recall.job.config.ConfigLoader;
import dev.recall.job.config.ConfigSource;
import dev.recall.job.config.InvalidConfig;
import dev.recall.job.config.RunConfig;
import dev.recall.job.config.UserError;
import dev.recall.job.store.Storage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Option;

/** The options by which every verb takes its configuration. */
final class ConfigOptions {

  @Option(
      names = "--config",
      paramLabel = "FILE",
      description =
          "HOCON file with what differs from the defaults; may be given again, later wins.")
  private List<String> files = new ArrayList<>();

  @Option(
      names = "--set",
      paramLabel = "KEY=VALUE",
      description = "One setting, above all files; may be given again.")
  private List<String> assignments = new ArrayList<>();

  RunConfig load(Storage storage) throws InvalidConfig {
    return load(storage, List.of());
  }

  /**
   * Loads with other sources below the user's files; files that cannot be read are problems too.
   */
  RunConfig load(Storage storage, List<ConfigSource> below) throws InvalidConfig {
    return load(storage, below, List.of());
  }

  /** The same with assignments above the user's. */
  RunConfig load(Storage storage, List<ConfigSource> below, List<String> above)
      throws InvalidConfig {
    List<String> all = new ArrayList<>(assignments);
    all.addAll(above);
    List<ConfigSource> sources = new ArrayList<>(below);
    List<String> problems = new ArrayList<>();
    for (String file : files) {
      String path = !file.contains(":") && Files.exists(Path.of(file)) ? localUri(file) : file;
      try {
        sources.add(new ConfigSource(file, storage.readText(path)));
      } catch (UserError e) {
        problems.add(e.getMessage());
      }
    }
    if (problems.isEmpty()) {
      return ConfigLoader.load(sources, all);
    }
    try {
      ConfigLoader.load(sources, all);
    } catch (InvalidConfig e) {
      problems.addAll(e.getMessage().lines().toList());
    }
    throw new InvalidConfig(problems);
  }

  static String localUri(String file) {
    return Path.of(file).toAbsolutePath().normalize().toUri().toString();
  }
}
