package dev.recall.job;

import dev.recall.job.config.InvalidConfig;
import dev.recall.job.config.UserError;
import dev.recall.job.spark.SparkHome;
import dev.recall.job.store.RunDirectory;
import dev.recall.job.store.Storage;
import java.io.IOException;
import java.io.PrintWriter;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code recall train}. */
@Command(
    name = "train",
    description =
        "Trains a model, or goes on with a run. Paths without a scheme: --config and --summary are on"
            + " this machine's disk, others on Hadoop's default file system.",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    sortOptions = false)
final class TrainCommand implements Callable<Integer> {

  private static final DateTimeFormatter RUN_NAME =
      DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss-SSS", Locale.ROOT);

  @Spec private CommandSpec spec;

  @Mixin private ConfigOptions options;

  @Option(
      names = "--run",
      paramLabel = "DIR",
      description = "Directory of the new run, on any Hadoop file system; default runs/<time>.")
  private String run;

  @Option(
      names = "--resume",
      paramLabel = "DIR",
      description =
          "Goes on with the run in DIR from its newest checkpoint. --config and --set may change"
              + " limits (stop.*, but for patience) and what has no effect on the result.")
  private String resume;

  @Option(
      names = "--or-resume",
      description =
          "With --run: goes on with the run in DIR if one is there. For drivers that a cluster starts"
              + " again with the same arguments.")
  private boolean orResume;

  @Option(
      names = "--allow-changed",
      description =
          "With --resume: lets settings change that decide the result. The run's hash chain says so.")
  private boolean allowChanged;

  @Option(
      names = {"--from", "--init"},
      paramLabel = "FILE",
      description =
          "Starts from the parameters in FILE: a checkpoint, safetensors with the model's blocks or with"
              + " those of PyTorch's nn.LSTM and nn.Linear, or a zip of Deeplearning4j. The optimizer"
              + " begins anew.")
  private String from;

  @Option(
      names = "--summary",
      paramLabel = "FILE",
      description = "Writes the result as JSON, in addition to summary.json of the run.")
  private String summaryFile;

  @Option(
      names = "--without-spark",
      description = "Runs the rounds on threads of this JVM; the result has the same bits.")
  private boolean withoutSpark;

  @Override
  public Integer call() throws IOException, InvalidConfig {
    if (resume != null && (run != null || from != null)) {
      throw new UserError("--resume: expected neither --run nor --from beside it");
    }
    if (allowChanged && resume == null) {
      throw new UserError("--allow-changed: expected --resume beside it, found none");
    }
    if (orResume && run == null) {
      throw new UserError("--or-resume: expected --run beside it, found none");
    }
    Storage storage = new Storage(SparkHome.hadoopSettings());
    Summary.checkTarget(storage, summaryFile);
    Training.Ended ended = train(storage);
    if (ended.exitCode() == 0) {
      Result.print(spec.commandLine().getOut(), ended);
      ended.summary().write(storage, summaryFile);
    }
    return ended.exitCode();
  }

  private Training.Ended train(Storage storage) throws IOException, InvalidConfig {
    PrintWriter err = spec.commandLine().getErr();
    try (OneCluster spark = withoutSpark ? null : new OneCluster()) {
      return train(storage, new Training("recall train", options, List.of(), spark, err));
    }
  }

  private Training.Ended train(Storage storage, Training training)
      throws IOException, InvalidConfig {
    if (resume != null) {
      Training.Changes changes = allowChanged ? Training.Changes.ALL : Training.Changes.LIMITS;
      return training.goOn(storage, storage.qualify(resume), changes);
    }
    String path = storage.qualify(newRun());
    if (orResume && RunDirectory.isThere(storage, path)) {
      training.say("goes on with the run that is there: " + path);
      return training.goOn(storage, path, Training.Changes.LIMITS_AFTER_THE_SAME_COMMAND);
    }
    return training.begin(storage, path, from);
  }

  private String newRun() {
    return run != null ? run : "runs/" + ZonedDateTime.now(ZoneOffset.UTC).format(RUN_NAME);
  }
}
