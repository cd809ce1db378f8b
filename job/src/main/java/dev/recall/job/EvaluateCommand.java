package dev.recall.job;

import dev.recall.datagen.SequenceBatch;
import dev.recall.job.config.InvalidConfig;
import dev.recall.job.config.RunConfig;
import dev.recall.job.config.UserError;
import dev.recall.job.spark.SparkHome;
import dev.recall.job.store.Storage;
import dev.recall.model.Evaluation;
import dev.recall.model.format.Safetensors;
import dev.recall.model.format.TensorFile;
import dev.recall.model.format.TensorFile.Tensor;
import dev.recall.model.recurrent.Engines;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code recall evaluate}. */
@Command(
    name = "evaluate",
    description = {
      "Measures a model on held-out batches, or on a given batch.",
      "Without a scheme --config and --summary are on this machine's disk, MODEL, --data and"
          + " --outputs on Hadoop's default file system."
    },
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    sortOptions = false)
final class EvaluateCommand implements Callable<Integer> {

  private static final double NANOS = 1e9;

  @Spec private CommandSpec spec;

  @Parameters(
      paramLabel = "MODEL",
      description =
          "A run directory (its newest checkpoint that is whole) or a safetensors file with the model's blocks."
              + " The settings come from the run or the checkpoint; --config and --set go on top.")
  private String model;

  @Mixin private ConfigOptions options;

  @Option(
      names = "--data",
      paramLabel = "FILE",
      description =
          "Scores this batch: safetensors with inputs, targets and, if not all steps count alike,"
              + " weights, each [T, B, features].")
  private String dataFile;

  @Option(
      names = "--outputs",
      paramLabel = "FILE",
      description = "With --data: writes the network's outputs [T, B, features] as safetensors.")
  private String outputsFile;

  @Option(names = "--summary", paramLabel = "FILE", description = "Writes the figures as JSON.")
  private String summaryFile;

  @Override
  public Integer call() throws IOException, InvalidConfig {
    if (outputsFile != null && dataFile == null) {
      throw new UserError("--outputs: expected --data beside it, found none");
    }
    Storage storage = new Storage(SparkHome.hadoopSettings());
    Summary.checkTarget(storage, summaryFile);
    if (outputsFile != null) {
      storage.checkTarget(outputsFile);
    }
    String path = storage.qualify(model);
    boolean isRun = storage.isDirectory(path);
    GivenModel trained = GivenModel.read(storage, path, options, spec.commandLine().getErr());
    RunConfig config = trained.config();
    float[] parameters = trained.parameters();

    SequenceBatch given = dataFile == null ? null : GivenBatch.read(storage, dataFile, config);

    long start = System.nanoTime();
    float[] outputs = given == null ? null : predicted(config, parameters, given);
    Evaluation evaluation =
        given == null
            ? HeldOut.evaluate(config, parameters)
            : Evaluation.of(config.task(), given, outputs);
    double seconds = (System.nanoTime() - start) / NANOS;

    // Targets are finite, so a figure that is not comes from the network.
    if (!Double.isFinite(evaluation.loss()) || !Double.isFinite(evaluation.recallMse())) {
      spec.commandLine()
          .getErr()
          .println(
              "%s: expected finite outputs of the network on %s, found loss %s and recall MSE %s"
                  .formatted(
                      trained.file(),
                      given == null ? "the held-out batches" : dataFile,
                      evaluation.loss(),
                      evaluation.recallMse()));
      return Main.NOT_FINITE;
    }
    String digest = Safetensors.sha256(parameters);
    if (outputsFile != null) {
      writeOutputs(storage, given, outputs, digest);
    }
    String which = given == null ? "held-out" : "given";
    Result.print(spec.commandLine().getOut(), config, evaluation, which, digest);
    Summary.of(config, evaluation, digest)
        .put("rounds", trained.rounds())
        .put("examples", evaluation.sequences())
        .put("seconds", seconds)
        .put("useful_share", 1.0)
        .put("run_directory", isRun ? path : null)
        .write(storage, summaryFile);
    return 0;
  }

  private static float[] predicted(RunConfig config, float[] parameters, SequenceBatch batch) {
    float[] outputs = new float[batch.targets().length];
    Engines.create(config.model())
        .predict(parameters, batch.inputs(), batch.steps(), batch.batchSize(), outputs);
    return outputs;
  }

  private void writeOutputs(
      Storage storage, SequenceBatch batch, float[] outputs, String parametersDigest)
      throws IOException {
    List<Integer> shape = List.of(batch.steps(), batch.batchSize(), batch.targetSize());
    Map<String, String> metadata = Map.of("parameters_sha256", parametersDigest);
    Tensor tensor = new Tensor("outputs", shape, outputs);
    storage.write(outputsFile, Safetensors.encode(new TensorFile(metadata, List.of(tensor))));
  }
}
