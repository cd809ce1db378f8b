package dev.recall.job;

import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.recall.job.config.UserError;
import dev.recall.job.registry.ModelRegistry;
import dev.recall.job.spark.SparkHome;
import dev.recall.job.spark.predict.BatchScoring;
import dev.recall.job.spark.predict.BatchScoring.Done;
import dev.recall.job.spark.predict.BatchScoring.Files;
import dev.recall.job.spark.predict.DataFormat;
import dev.recall.job.spark.predict.OnBad;
import dev.recall.job.spark.predict.ScoredModel;
import dev.recall.job.spark.predict.ScoringSession;
import dev.recall.job.store.Storage;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code recall predict}. */
@Command(
    name = "predict",
    description = {
      "Adds a model's outputs to the rows of Parquet, JSON or CSV files, on Spark.",
      "Without a scheme --summary is on this machine's disk, all else on Hadoop's default file"
          + " system."
    },
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    sortOptions = false,
    footer = {
      "",
      "A sequence is array<float> or array<double>, for a network with several inputs per step",
      "array<array<float>> or array<array<double>>, or the text of a JSON array, [0.5, -1] or",
      "[[0.5, -1], [2, 0]]. In CSV it is always text. Lengths may differ. All columns are kept."
    })
final class PredictCommand implements Callable<Integer> {

  private static final double NANOS = 1e9;
  private static final String METADATA = "/_recall.json";

  /** Files of Spark's writers. */
  private static final String SPARKS = "part-.*|_SUCCESS|_temporary|\\..*\\.crc";

  @Spec private CommandSpec spec;

  @Option(
      names = "--run",
      paramLabel = "DIR",
      description =
          "The model: a run directory (its newest checkpoint that is whole) or a checkpoint.")
  private String run;

  @Mixin private VersionOptions version;

  @Option(
      names = "--in",
      paramLabel = "PATH",
      required = true,
      description = "A file, a directory of files, or a pattern such as rows/day=*.")
  private String in;

  @Option(
      names = "--input-format",
      paramLabel = "FORMAT",
      description =
          "parquet, json (an object per line) or csv (names in the first line); default by the"
              + " ending of --in, parquet when it has none of these.")
  private String inputFormat;

  @Option(
      names = "--input-option",
      paramLabel = "KEY=VALUE",
      description = "An option of Spark's reader, for example sep=;, may be given again.")
  private List<String> inputOptions = new ArrayList<>();

  @Option(
      names = "--out",
      paramLabel = "DIR",
      required = true,
      description = "Directory for the files; must not be there, unless --overwrite.")
  private String out;

  @Option(
      names = "--format",
      paramLabel = "FORMAT",
      defaultValue = "parquet",
      description = "parquet, json or csv; default parquet.")
  private String format;

  @Option(
      names = "--output-option",
      paramLabel = "KEY=VALUE",
      description =
          "An option of Spark's writer, for example compression=gzip, may be given again.")
  private List<String> outputOptions = new ArrayList<>();

  @Option(
      names = "--overwrite",
      description = "Replaces predictions or files of Spark in --out when all new ones are there.")
  private boolean overwrite;

  @Option(
      names = "--sequence-column",
      paramLabel = "NAME",
      defaultValue = "sequence",
      description = "Column with the sequences; default sequence.")
  private String sequenceColumn;

  @Option(
      names = "--prediction-column",
      paramLabel = "NAME",
      defaultValue = "prediction",
      description = "Column that is added; default prediction.")
  private String predictionColumn;

  @Option(
      names = "--last",
      paramLabel = "N",
      description =
          "Gives the outputs of the last N steps, of a shorter sequence all; default all.")
  private Integer last;

  @Option(names = "--drop-sequences", description = "Writes all columns but the sequences.")
  private boolean dropSequences;

  @Option(
      names = "--on-bad",
      paramLabel = "POLICY",
      defaultValue = "fail",
      description =
          "What a sequence does that is null, empty, ragged, not finite or gives such outputs. fail:"
              + " ends the job; null: is counted and gets null for a prediction; default fail.")
  private String onBad;

  @Option(names = "--summary", paramLabel = "FILE", description = "Writes the figures as JSON.")
  private String summaryFile;

  @Override
  public Integer call() throws IOException {
    checkOptions();
    Storage storage = new Storage(SparkHome.hadoopSettings());
    Summary.checkTarget(storage, summaryFile);
    String target = storage.qualify(out);
    checkFree(storage, target);
    ScoredModel model = model(storage);
    boolean replaces = storage.exists(target); // checked: only with --overwrite
    if (replaces) {
      checkModelStays(storage, model, target);
    }
    String written = replaces ? storage.aside(target) : target;
    BatchScoring scoring =
        new BatchScoring(
            model,
            new Files(storage.qualify(in), inputFormat(), pairs(inputOptions)),
            new Files(written, DataFormat.of(format).orElseThrow(), pairs(outputOptions)),
            target,
            sequenceColumn,
            predictionColumn,
            last == null ? Integer.MAX_VALUE : last,
            OnBad.of(onBad).orElseThrow(),
            dropSequences);
    long start = System.nanoTime();
    Done done;
    ObjectNode json;
    try {
      done = scored(scoring);
      json = json(scoring, done);
      storage.write(written + METADATA, Provenance.text(json).getBytes(StandardCharsets.UTF_8));
    } catch (IOException | RuntimeException e) {
      if (replaces) {
        deleteAfter(e, storage, written);
      }
      throw e;
    }
    if (replaces) {
      storage.replaceTree(written, target);
    }
    double seconds = (System.nanoTime() - start) / NANOS;
    print(model, target, done, seconds);
    json.put("output", target);
    json.put("seconds", seconds);
    Summary.write(storage, summaryFile, Provenance.text(json));
    return 0;
  }

  private ScoredModel model(Storage storage) {
    if (!version.areGiven()) {
      return ScoredModel.ofRun(storage, run, spec.commandLine().getErr()::println);
    }
    ModelRegistry models = version.models(storage);
    return ScoredModel.ofVersion(models, version.number(models));
  }

  private static ObjectNode json(BatchScoring scoring, Done done) {
    ObjectNode json = scoring.json(done);
    Build build = Build.current();
    json.put("recall_version", build.version());
    json.put("source_revision", build.revision().orElse(null));
    return json;
  }

  /** What was there before stays; what is not whole goes. */
  private static void deleteAfter(Exception failure, Storage storage, String written) {
    try {
      storage.deleteTree(written);
    } catch (IOException | RuntimeException e) {
      failure.addSuppressed(e);
    }
  }

  private static Done scored(BatchScoring scoring) {
    try (ScoringSession session = ScoringSession.start("recall predict")) {
      return scoring.run(session);
    }
  }

  private void print(ScoredModel model, String target, Done done, double seconds) {
    PrintWriter text = spec.commandLine().getOut();
    text.printf(
        Locale.ROOT,
        "rows                %d in %.1f s; %d without prediction%n",
        done.rows(),
        seconds,
        done.withoutPrediction());
    text.println("model               " + model.origin());
    text.println("parameters SHA-256  " + model.sha256());
    text.println("predictions         " + target);
    text.flush();
  }

  /** All problems at once. */
  private void checkOptions() {
    List<String> problems = new ArrayList<>();
    if ((run != null) == version.areGiven()) {
      problems.add(
          "model: expected either --run or --registry, found " + (run == null ? "none" : "both"));
    }
    problems.addAll(version.problems());
    if (last != null && last < 1) {
      problems.add("--last: expected at least 1, found " + last);
    }
    checkOneOf("--input-format", inputFormat, DataFormat.texts(), problems);
    checkOneOf("--format", format, DataFormat.texts(), problems);
    checkOneOf("--on-bad", onBad, OnBad.texts(), problems);
    for (String option : inputOptions) {
      checkPair("--input-option", option, problems);
    }
    for (String option : outputOptions) {
      checkPair("--output-option", option, problems);
    }
    if (!problems.isEmpty()) {
      throw new UserError(String.join(System.lineSeparator(), problems));
    }
  }

  private static void checkOneOf(
      String option, String found, List<String> choices, List<String> problems) {
    if (found != null && !choices.contains(found)) {
      problems.add(option + ": expected one of " + choices + ", found " + found);
    }
  }

  private static void checkPair(String option, String found, List<String> problems) {
    if (found.indexOf('=') < 1) {
      problems.add(option + ": expected KEY=VALUE, found " + found);
    }
  }

  private void checkFree(Storage storage, String target) {
    if (!overwrite && storage.exists(target)) {
      throw new UserError(
          "--out " + target + ": expected nothing there, found files; --overwrite replaces them");
    }
    storage.checkTarget(target + METADATA);
    if (!storage.exists(target + METADATA)) {
      List<String> others = new ArrayList<>(storage.listAll(target));
      others.removeIf(name -> name.matches(SPARKS));
      if (!others.isEmpty()) {
        throw new UserError(
            "--out %s: expected predictions to replace, or nothing, found %s"
                .formatted(target, String.join(", ", others)));
      }
    }
  }

  /** A directory with predictions may have been given a run too. */
  private static void checkModelStays(Storage storage, ScoredModel model, String target) {
    String file = storage.qualify(model.origin());
    if (file.startsWith(target + "/")) {
      throw new UserError(
          "--out %s: expected a place without the model, found its file %s"
              .formatted(target, file));
    }
  }

  private DataFormat inputFormat() {
    return Optional.ofNullable(inputFormat)
        .flatMap(DataFormat::of)
        .orElseGet(() -> DataFormat.ofPath(in));
  }

  private static Map<String, String> pairs(List<String> options) {
    Map<String, String> pairs = new LinkedHashMap<>();
    for (String option : options) {
      int at = option.indexOf('=');
      pairs.put(option.substring(0, at), option.substring(at + 1));
    }
    return pairs;
  }
}
