package dev.recall.job;

import dev.recall.job.config.InvalidConfig;
import dev.recall.job.config.RunConfig;
import dev.recall.job.config.UserError;
import dev.recall.job.registry.ModelRegistry;
import dev.recall.job.spark.SparkHome;
import dev.recall.job.store.Storage;
import dev.recall.model.format.Safetensors;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code recall export}. */
@Command(
    name = "export",
    description = {
      "Writes a model for other programs: ONNX, Deeplearning4j, or safetensors for PyTorch.",
      "Without a scheme --config is on this machine's disk, all else on Hadoop's default file"
          + " system."
    },
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    sortOptions = false)
final class ExportCommand implements Callable<Integer> {

  @Spec private CommandSpec spec;

  @Parameters(
      paramLabel = "MODEL",
      arity = "0..1",
      description =
          "A run directory (its newest checkpoint that is whole) or a safetensors file with the model's blocks."
              + " The settings come from the run or the checkpoint; --config and --set go on top.")
  private String model;

  @Mixin private VersionOptions version;

  @Mixin private ConfigOptions options;

  @Option(
      names = "--format",
      paramLabel = "FORMAT",
      required = true,
      description = "onnx, dl4j (a zip of Deeplearning4j's ModelSerializer) or safetensors.")
  private String format;

  @Option(
      names = "--layout",
      paramLabel = "LAYOUT",
      description =
          "With --format safetensors: recall, the model's blocks, or pytorch, a state dict with"
              + " lstm.weight_ih_l0, ..., linear.bias; default recall.")
  private String layout;

  @Option(
      names = "--out",
      paramLabel = "FILE",
      description = "The file; default model.onnx, model.zip or model.safetensors.")
  private String out;

  @Option(names = "--overwrite", description = "Replaces the file if it is there.")
  private boolean overwrite;

  @Override
  public Integer call() throws IOException, InvalidConfig {
    ExportFormat target = checked();
    Storage storage = new Storage(SparkHome.hadoopSettings());
    String file = storage.qualify(out != null ? out : target.defaultFile());
    storage.checkTarget(file);
    if (!overwrite && storage.exists(file)) {
      throw isThere(file);
    }
    GivenModel given = given(storage);
    byte[] bytes = target.encode(given);
    if (overwrite) {
      storage.write(file, bytes);
    } else if (!storage.createNew(file, bytes)) {
      throw isThere(file);
    }
    print(given, file, bytes);
    return 0;
  }

  private static UserError isThere(String file) {
    return new UserError(
        "--out: expected no file in the place of " + file + ", found one; --overwrite replaces it");
  }

  private ExportFormat checked() {
    List<String> problems = new ArrayList<>();
    if ((model != null) == version.areGiven()) {
      problems.add(
          "export: expected either MODEL or --registry, found "
              + (model == null ? "neither" : "both"));
    }
    problems.addAll(version.problems());
    if (!problems.isEmpty()) {
      throw new UserError(String.join(System.lineSeparator(), problems));
    }
    return ExportFormat.of(format, layout);
  }

  private GivenModel given(Storage storage) throws InvalidConfig {
    if (!version.areGiven()) {
      PrintWriter err = spec.commandLine().getErr();
      return GivenModel.read(storage, storage.qualify(model), options, err);
    }
    ModelRegistry models = version.models(storage);
    return GivenModel.ofVersion(storage, models, version.number(models), options);
  }

  private void print(GivenModel given, String file, byte[] bytes) {
    PrintWriter lines = spec.commandLine().getOut();
    RunConfig config = given.config();
    lines.println("model               " + given.file());
    lines.printf(
        Locale.ROOT,
        "layers              %s, %,d parameters%n",
        config.model().layers(),
        given.parameters().length);
    lines.println("parameters SHA-256  " + Safetensors.sha256(given.parameters()));
    lines.println("written             " + file);
    lines.printf(Locale.ROOT, "bytes               %,d%n", bytes.length);
    lines.println("SHA-256             " + Safetensors.sha256(bytes));
    lines.flush();
  }
}
