package dev.recall.job;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.recall.job.config.UserError;
import dev.recall.job.registry.Lease;
import dev.recall.job.registry.ModelRegistry;
import dev.recall.job.registry.ModelVersion;
import dev.recall.job.registry.Step;
import dev.recall.job.spark.SparkHome;
import dev.recall.job.store.Storage;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/** {@code recall models}. */
@Command(
    name = "models",
    description = "Shows the versions of models, and changes which one is in service.",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    sortOptions = false)
final class ModelsCommand implements Runnable {

  @Spec private CommandSpec spec;

  @Option(
      names = "--registry",
      paramLabel = "DIR",
      required = true,
      scope = ScopeType.INHERIT,
      description = "Directory of all models, on any Hadoop file system.")
  private String root;

  @Option(
      names = "--json",
      scope = ScopeType.INHERIT,
      description = "Prints JSON instead of a table.")
  private boolean json;

  @Override
  public void run() {
    throw new picocli.CommandLine.ParameterException(
        spec.commandLine(), "expected one of " + spec.subcommands().keySet());
  }

  private static Storage storage() {
    return new Storage(SparkHome.hadoopSettings());
  }

  private ModelRegistry registry(String name) {
    ModelRegistry registry = ModelRegistry.open(storage(), root, name);
    if (!registry.storage().isDirectory(registry.path())) {
      throw new UserError(
          registry.path()
              + ": expected one of the models "
              + ModelRegistry.names(storage(), root)
              + ", found none");
    }
    return registry;
  }

  private void print(String text, JsonNode asJson) {
    PrintWriter out = spec.commandLine().getOut();
    out.print(json ? Provenance.text(asJson) : text);
    out.flush();
  }

  @Command(
      name = "list",
      description = "Lists models, each with the version in service.",
      mixinStandardHelpOptions = true)
  int list() {
    StringBuilder table = new StringBuilder();
    ArrayNode all = JsonNodeFactory.instance.arrayNode();
    table.append(row("model", "in service", "before", "versions", "changed", "by"));
    for (String name : ModelRegistry.names(storage(), root)) {
      ModelRegistry registry = registry(name);
      Step now = registry.now();
      List<Integer> versions = registry.versions();
      table.append(
          row(
              name,
              text(now.inService().orElse(0)),
              text(now.before().orElse(0)),
              versions.size(),
              now.at(),
              now.by()));
      ObjectNode model = all.addObject().put("model", name);
      model.put("in_service", now.inService().orElse(0));
      model.put("before", now.before().orElse(0));
      versions.forEach(model.putArray("versions")::add);
      model.put("changed", now.at());
      model.put("by", now.by());
    }
    print(table.toString(), all);
    return 0;
  }

  private static String text(int version) {
    return version == 0 ? "-" : String.valueOf(version);
  }

  private static String row(Object... cells) {
    return String.format(Locale.ROOT, "%-24s %-10s %-8s %-8s %-22s %s%n", cells);
  }

  @Command(
      name = "show",
      description = "Shows a model's versions with their decisions, its history and its lease.",
      mixinStandardHelpOptions = true)
  int show(@Parameters(paramLabel = "NAME") String name) {
    ModelRegistry registry = registry(name);
    Step now = registry.now();
    ObjectNode all = JsonNodeFactory.instance.objectNode();
    StringBuilder text = new StringBuilder();
    text.append("model       ").append(registry.path()).append('\n');
    text.append("in service  ").append(text(now.inService().orElse(0))).append('\n');
    all.put("model", registry.path()).put("in_service", now.inService().orElse(0));
    Optional<Lease.Held> lease = Lease.held(registry).filter(held -> !held.ended());
    lease.ifPresent(
        held -> {
          text.append(
              "lease       version %d, of %s since %s, until %s%n"
                  .formatted(held.number(), held.holder(), held.since(), held.until()));
          ObjectNode its = all.putObject("lease").put("version", held.number());
          its.put("holder", held.holder()).put("since", held.since());
          its.put("until", held.until().toString());
        });
    text.append(System.lineSeparator()).append("versions\n");
    ArrayNode versions = all.putArray("versions");
    for (int number : registry.versions()) {
      ModelVersion version = registry.version(number);
      Optional<JsonNode> decision = registry.decision(number);
      text.append(
          "  %-7d %s  for %s  %s%n"
              .formatted(
                  number,
                  version.created(),
                  version.scheduled(),
                  decision.map(its -> its.path("reason").asText()).orElse("not judged yet")));
      ObjectNode its = versions.addObject().put("version", number);
      its.put("created", version.created()).put("by", version.by());
      its.put("scheduled", version.scheduled());
      decision.ifPresent(made -> its.set("decision", made));
    }
    text.append(System.lineSeparator()).append("history\n");
    ArrayNode history = all.putArray("history");
    for (Step step : registry.history()) {
      text.append(
          "  %-7d %s  %s  %s %s: %s%n"
              .formatted(
                  step.number(),
                  step.at(),
                  step.by(),
                  step.action().text(),
                  text(step.version()),
                  step.reason()));
      history.add(step.json());
    }
    print(text.toString(), all);
    return 0;
  }

  @Command(
      name = "promote",
      description = "Puts a version into service without a judgement.",
      mixinStandardHelpOptions = true)
  int promote(
      @Parameters(paramLabel = "NAME") String name,
      @Parameters(paramLabel = "VERSION") int version,
      @Option(names = "--reason", paramLabel = "TEXT", defaultValue = "by hand") String reason)
      throws IOException {
    return changed(registry(name).promote(version, reason));
  }

  @Command(
      name = "rollback",
      description = "Puts the version before into service again.",
      mixinStandardHelpOptions = true)
  int rollback(
      @Parameters(paramLabel = "NAME") String name,
      @Option(names = "--reason", paramLabel = "TEXT", defaultValue = "by hand") String reason)
      throws IOException {
    return changed(registry(name).rollback(reason));
  }

  private int changed(Step step) {
    print(
        "version %d is in service since %s, by %s%n"
            .formatted(step.inService().orElseThrow(), step.at(), step.by()),
        step.json());
    return 0;
  }

  @Command(
      name = "prune",
      description =
          "Removes old versions and their runs, never the one in service nor the one before it.",
      mixinStandardHelpOptions = true)
  int prune(
      @Parameters(paramLabel = "NAME") String name,
      @Option(names = "--keep", paramLabel = "N", required = true) int keep)
      throws IOException {
    if (keep < 1) {
      throw new UserError("--keep: expected at least 1, found " + keep);
    }
    List<Integer> gone = registry(name).prune(keep);
    ArrayNode removed = JsonNodeFactory.instance.arrayNode();
    gone.forEach(removed::add);
    print("removed: " + gone + System.lineSeparator(), removed);
    return 0;
  }
}
