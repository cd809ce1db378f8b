package dev.recall.job;

import dev.recall.datagen.Purpose;
import dev.recall.datagen.SequenceBatch;
import dev.recall.datagen.SequenceTask;
import dev.recall.job.config.ConfigSource;
import dev.recall.job.config.InvalidConfig;
import dev.recall.job.config.RunConfig;
import dev.recall.job.spark.SparkHome;
import dev.recall.job.store.Checkpoint;
import dev.recall.job.store.RunDirectory;
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
    description = "Measures a model on held-out batches, or on a given batch.",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    sortOptions = false)
final class EvaluateCommand implements Callable<Integer> {

  private static final double NANOS = 1e9;

  @Spec private CommandSpec spec;

  @Parameters(
      paramLabel = "MODEL",
      description =
          "A run directory (its newest checkpoint) or a safetensors file with the model's blocks."
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
    String path = storage.qualify(model);
    boolean isRun = storage.isDirectory(path);
    String file = isRun ? checkpointOf(storage, path) : path;
    TensorFile tensors = Checkpoint.tensors(file, storage.read(file));
    RunConfig config = options.load(storage, settingsOf(file, tensors));
    float[] parameters = Checkpoint.result(file, tensors, config.model().layout());

    long start = System.nanoTime();
    Evaluation evaluation =
        dataFile == null
            ? Evaluation.of(
                Engines.create(config.model()),
                parameters,
                config.task(),
                config.seed(),
                Purpose.TEST,
                0,
                config.evaluationBatches())
            : scored(storage, config, parameters);
    double seconds = (System.nanoTime() - start) / NANOS;

    String digest = Safetensors.sha256(parameters);
    Result.print(spec.commandLine().getOut(), config, evaluation, digest);
    new Summary()
        .put("parameters_sha256", digest)
        .put("loss", evaluation.loss())
        .put("loss_floor", config.task().bayesLoss())
        .put("loss_above_floor", evaluation.lossAboveFloor())
        .put("recall_mse", evaluation.recallMse())
        .put("rounds", roundsOf(file, tensors))
        .put("examples", evaluation.sequences())
        .put("seconds", seconds)
        .put("useful_share", 1.0)
        .put("run_directory", isRun ? path : null)
        .write(storage, summaryFile);
    return 0;
  }

  private static String checkpointOf(Storage storage, String path) {
    return RunDirectory.newestCheckpoint(storage, path)
        .orElseThrow(
            () -> new UserError(path + ": expected a run with a checkpoint, found none in it"));
  }

  private static long roundsOf(String file, TensorFile tensors) {
    String round = tensors.metadata().getOrDefault("round", "0");
    try {
      return Long.parseLong(round);
    } catch (NumberFormatException e) {
      throw new UserError(file + ": expected a number as metadata round, found " + round);
    }
  }

  private static List<ConfigSource> settingsOf(String file, TensorFile tensors) {
    String text = tensors.metadata().get("config");
    return text == null ? List.of() : List.of(new ConfigSource(file, text));
  }

  private Evaluation scored(Storage storage, RunConfig config, float[] parameters)
      throws IOException {
    SequenceBatch batch =
        batch(config.task(), Checkpoint.tensors(dataFile, storage.read(dataFile)));
    float[] outputs = new float[batch.targets().length];
    Engines.create(config.model())
        .predict(parameters, batch.inputs(), batch.steps(), batch.batchSize(), outputs);
    if (outputsFile != null) {
      List<Integer> shape = List.of(batch.steps(), batch.batchSize(), batch.targetSize());
      Map<String, String> metadata = Map.of("parameters_sha256", Safetensors.sha256(parameters));
      Tensor tensor = new Tensor("outputs", shape, outputs);
      storage.write(outputsFile, Safetensors.encode(new TensorFile(metadata, List.of(tensor))));
    }
    return Evaluation.of(config.task(), batch, outputs);
  }

  private SequenceBatch batch(SequenceTask task, TensorFile file) {
    Tensor inputs = tensor(file, "inputs", task.inputSize());
    Tensor targets = tensor(file, "targets", task.targetSize());
    int steps = inputs.shape().get(0);
    int sequences = inputs.shape().get(1);
    if (!targets.shape().subList(0, 2).equals(inputs.shape().subList(0, 2))) {
      throw new UserError(
          dataFile
              + ": expected targets of shape ["
              + steps
              + ", "
              + sequences
              + ", "
              + task.targetSize()
              + "] like inputs, found "
              + targets.shape());
    }
    if (steps < task.recallSteps()) {
      throw new UserError(
          dataFile
              + ": expected at least the "
              + task.recallSteps()
              + " steps that are recalled, found "
              + steps);
    }
    SequenceBatch batch = new SequenceBatch(steps, sequences, task.inputSize(), task.targetSize());
    System.arraycopy(inputs.values(), 0, batch.inputs(), 0, batch.inputs().length);
    System.arraycopy(targets.values(), 0, batch.targets(), 0, batch.targets().length);
    java.util.Arrays.fill(batch.weights(), 1f);
    if (file.find("weights").isPresent()) {
      Tensor weights = tensor(file, "weights", task.targetSize());
      if (!weights.shape().equals(targets.shape())) {
        throw new UserError(
            dataFile
                + ": expected weights of shape "
                + targets.shape()
                + ", found "
                + weights.shape());
      }
      System.arraycopy(weights.values(), 0, batch.weights(), 0, batch.weights().length);
    }
    return batch;
  }

  private Tensor tensor(TensorFile file, String name, int features) {
    Tensor tensor =
        file.find(name)
            .orElseThrow(
                () ->
                    new UserError(
                        dataFile + ": expected a tensor " + name + ", found " + file.names()));
    List<Integer> shape = tensor.shape();
    if (shape.size() != 3 || shape.get(2) != features || tensor.values().length == 0) {
      throw new UserError(
          dataFile
              + ": expected "
              + name
              + " of shape [steps, batch, "
              + features
              + "], found "
              + shape);
    }
    return tensor;
  }
}
