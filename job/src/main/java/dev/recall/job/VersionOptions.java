package dev.recall.job;

import dev.recall.job.registry.ModelRegistry;
import dev.recall.job.store.Storage;
import java.util.ArrayList;
import java.util.List;
import picocli.CommandLine.Option;

/** Options that name a version of a registry. */
final class VersionOptions {

  @Option(
      names = "--registry",
      paramLabel = "DIR",
      description = "The model, instead of one of a run: directory of all models.")
  private String registry;

  @Option(names = "--name", paramLabel = "NAME", description = "With --registry: the model's name.")
  private String name;

  @Option(
      names = "--model-version",
      paramLabel = "N",
      description = "With --registry: the version; default the one in service.")
  private Integer version;

  boolean areGiven() {
    return registry != null;
  }

  List<String> problems() {
    List<String> problems = new ArrayList<>();
    if ((registry == null) != (name == null)) {
      problems.add("--registry and --name: expected both or none, found one");
    }
    if (version != null && (registry == null || version < 1)) {
      problems.add(
          "--model-version: expected a number of at least 1 beside --registry, found " + version);
    }
    return problems;
  }

  ModelRegistry models(Storage storage) {
    return ModelRegistry.open(storage, registry, name);
  }

  /** The version, or the one in service. */
  int number(ModelRegistry models) {
    return version != null ? version : models.versionInService();
  }
}
