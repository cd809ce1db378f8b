package dev.recall.job;

import dev.recall.datagen.BatchKey;
import dev.recall.datagen.Purpose;
import dev.recall.datagen.SequenceBatch;
import dev.recall.datagen.SequenceTask;
import dev.recall.job.config.InvalidConfig;
import dev.recall.job.config.RunConfig;
import dev.recall.job.config.UserError;
import dev.recall.job.spark.SparkHome;
import dev.recall.job.store.Storage;
import dev.recall.job.train.ShardPlan;
import dev.recall.model.format.Safetensors;
import dev.recall.model.format.TensorFile;
import dev.recall.model.format.TensorFile.Tensor;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code recall generate}. */
@Command(
    name = "generate",
    description = {
      "Writes the batch of a given seed, round, shard and step, as executors make it.",
      "Without a scheme --config is on this machine's disk, --output on Hadoop's default file"
          + " system."
    },
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    sortOptions = false)
final class GenerateCommand implements Callable<Integer> {

  @Spec private CommandSpec spec;

  @Mixin private ConfigOptions options;

  @Option(names = "--seed", description = "Run seed; default the setting seed.")
  private Long seed;

  @Option(
      names = "--purpose",
      defaultValue = "training",
      description = "training, validation or test; default training.")
  private String purpose;

  @Option(
      names = "--round",
      defaultValue = "0",
      description = "Round from 0: the first round of a run trains on round 0.")
  private int round;

  @Option(
      names = "--shard",
      defaultValue = "0",
      description = "Shard from 0, or number of the held-out batch.")
  private int shard;

  @Option(names = "--step", defaultValue = "0", description = "Local step from 0.")
  private int step;

  @Option(
      names = "--output",
      paramLabel = "FILE",
      required = true,
      description = "safetensors file with inputs, targets and weights, each [T, B, features].")
  private String output;

  @Override
  public Integer call() throws IOException, InvalidConfig {
    Storage storage = new Storage(SparkHome.hadoopSettings());
    storage.checkTarget(output);
    RunConfig config = options.load(storage);
    SequenceTask task = config.task();
    BatchKey key = key(config);
    checkUsed(key, config);
    SequenceBatch batch = task.newBatch();
    task.generate(key, batch);
    Map<String, String> metadata = new LinkedHashMap<>();
    metadata.put("seed", String.valueOf(key.seed()));
    metadata.put("purpose", purpose);
    metadata.put("round", String.valueOf(round));
    metadata.put("shard", String.valueOf(shard));
    metadata.put("step", String.valueOf(step));
    List<Integer> inputs = List.of(task.steps(), task.batchSize(), task.inputSize());
    List<Integer> targets = List.of(task.steps(), task.batchSize(), task.targetSize());
    TensorFile file =
        new TensorFile(
            metadata,
            List.of(
                new Tensor("inputs", inputs, batch.inputs()),
                new Tensor("targets", targets, batch.targets()),
                new Tensor("weights", targets, batch.weights())));
    storage.write(output, Safetensors.encode(file));
    spec.commandLine()
        .getOut()
        .println("wrote inputs " + inputs + ", targets and weights " + targets + " to " + output);
    return 0;
  }

  private BatchKey key(RunConfig config) {
    try {
      return new BatchKey(seed == null ? config.seed() : seed, purpose(), round, shard, step);
    } catch (IllegalArgumentException e) {
      throw new UserError("--round, --shard, --step: " + e.getMessage());
    }
  }

  /** Refuses an address at which the run draws no batch. */
  private static void checkUsed(BatchKey key, RunConfig config) {
    switch (key.purpose()) {
      case TRAINING -> {
        ShardPlan.of(config); // refuses local steps that are still to be chosen
        int shards = config.training().shards();
        int steps = config.training().localSteps();
        checkBelow("--shard", key.shard(), shards, "training.shards is " + shards);
        checkBelow("--step", key.step(), steps, "training.local-steps is " + steps);
      }
      case VALIDATION -> {
        int batches = config.validation().batches();
        checkBelow("--shard", key.shard(), batches, "validation.batches is " + batches);
        checkBelow("--step", key.step(), 1, "validation has one step");
      }
      default -> {
        int batches = config.evaluationBatches();
        checkBelow("--round", key.round(), 1, "test has one round");
        checkBelow("--shard", key.shard(), batches, "evaluation.batches is " + batches);
        checkBelow("--step", key.step(), 1, "test has one step");
      }
    }
  }

  private static void checkBelow(String option, int value, int count, String because) {
    if (value >= count) {
      throw new UserError(
          "%s: expected in [0, %d] (%s), found %d".formatted(option, count - 1, because, value));
    }
  }

  private Purpose purpose() {
    return switch (purpose) {
      case "training" -> Purpose.TRAINING;
      case "validation" -> Purpose.VALIDATION;
      case "test" -> Purpose.TEST;
      default ->
          throw new UserError("--purpose: expected training, validation or test, found " + purpose);
    };
  }
}
