package dev.recall.job;

import dev.recall.job.config.InvalidConfig;
import dev.recall.job.config.RunConfig;
import dev.recall.job.config.Setting;
import dev.recall.job.spark.SparkHome;
import dev.recall.job.store.Storage;
import java.io.PrintWriter;
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
    int width = 0;
    for (Setting setting : config.settings()) {
      width = Math.max(width, setting.key().length() + setting.value().length() + 3);
    }
    for (Setting setting : config.settings()) {
      String assignment = setting.key() + " = " + setting.value();
      out.println(assignment + " ".repeat(width - assignment.length()) + "  # " + setting.origin());
    }
    return 0;
  }
}
