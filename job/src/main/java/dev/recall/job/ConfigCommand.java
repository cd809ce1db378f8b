package dev.recall.job;

import dev.recall.job.config.InvalidConfig;
import dev.recall.job.config.ReferenceOrder;
import dev.recall.job.config.RunConfig;
import dev.recall.job.config.Setting;
import dev.recall.job.spark.SparkHome;
import dev.recall.job.store.Storage;
import java.io.PrintWriter;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** {@code recall config}. */
@Command(
    name = "config",
    description =
        "Prints every setting with its value and where it was set; --config reads it back.",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    sortOptions = false)
final class ConfigCommand implements Callable<Integer> {

  @Spec private CommandSpec spec;

  @Mixin private ConfigOptions options;

  @Override
  public Integer call() throws InvalidConfig {
    RunConfig config = options.load(new Storage(SparkHome.hadoopSettings()));
    PrintWriter out = spec.commandLine().getOut();
    List<Setting> settings = inReferenceOrder(config.settings());
    int width = 0;
    for (Setting setting : settings) {
      width = Math.max(width, setting.key().length() + setting.value().length() + 3);
    }
    String section = section(settings.get(0));
    for (Setting setting : settings) {
      if (!section(setting).equals(section)) {
        section = section(setting);
        out.println();
      }
      String assignment = setting.key() + " = " + setting.value();
      out.println(assignment + " ".repeat(width - assignment.length()) + "  # " + setting.origin());
    }
    return 0;
  }

  private static List<Setting> inReferenceOrder(List<Setting> settings) {
    List<String> keys = ReferenceOrder.keys();
    return settings.stream()
        .sorted(Comparator.comparingInt(setting -> keys.indexOf(setting.key())))
        .toList();
  }

  /** The key's first part. */
  private static String section(Setting setting) {
    return setting.key().replaceFirst("\\..*", "");
  }
}
