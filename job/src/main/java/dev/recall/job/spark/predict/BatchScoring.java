package dev.recall.job.spark.predict;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.recall.job.config.UserError;
import java.net.URI;
import java.util.HashMap;
import java.util.Map;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;

/**
 * Predictions for all rows of some files, in files.
 *
 * @param model the network
 * @param from where rows come from
 * @param to where they go; nothing is there yet
 * @param replaced what is to be replaced by {@code to} afterwards, or {@code to}'s path
 * @param sequenceColumn holds the sequences
 * @param predictionColumn is added
 * @param lastSteps of each sequence, whose outputs are given; of a shorter one all
 * @param onBad what happens to a row without a usable sequence
 * @param dropSequences whether rows are written without their sequences
 */
public record BatchScoring(
    ScoredModel model,
    Files from,
    Files to,
    String replaced,
    String sequenceColumn,
    String predictionColumn,
    int lastSteps,
    OnBad onBad,
    boolean dropSequences) {

  private static final Scoring.Options OPTIONS =
      new Scoring.Options("--sequence-column", "--prediction-column");

  /**
   * A place of rows.
   *
   * @param path a file, a directory or, of input, a pattern; with scheme
   * @param format of the files
   * @param options of Spark's reader or writer for the format
   */
  public record Files(String path, DataFormat format, Map<String, String> options) {}

  /**
   * What was done.
   *
   * @param rows written
   * @param withoutPrediction of these, because their sequence could not be used
   */
  public record Done(long rows, long withoutPrediction) {}

  /**
   * Reads, predicts and writes.
   *
   * @param session of Spark
   * @return what was done
   * @throws UserError when the input or its columns do not fit, or, if so wanted, a sequence cannot
   *     be used; then there is no output, or one without {@code _SUCCESS}
   * @throws IllegalStateException naming the side and its path when files cannot be read or written
   */
  public Done run(ScoringSession session) {
    Failures failures = new Failures(from, replaced, to.format);
    Scoring.Counts counts = Scoring.Counts.of(session.spark());
    Dataset<Row> rows;
    try {
      rows = scored(session.spark(), counts);
    } catch (UserError e) {
      throw e;
    } catch (Exception e) { // Spark's are not declared
      throw failures.reading(e);
    }
    try {
      to.format.write(rows, to.path, writerOptions());
    } catch (Exception e) {
      throw failures.writing(e);
    }
    return new Done(counts.rows().value(), counts.bad().value());
  }

  private Dataset<Row> scored(SparkSession spark, Scoring.Counts counts) {
    Scoring scoring =
        new Scoring(
            model, sequenceColumn, predictionColumn, lastSteps, onBad, dropSequences, OPTIONS);
    Dataset<Row> rows = from.format.read(spark, from.path, from.options);
    scoring.schema(rows.schema(), spark.sessionState().conf());
    checkNotInTheWay(rows.inputFiles());
    return scoring.apply(rows, counts);
  }

  /** Outputs hardly ever repeat: a dictionary of them is built and thrown away. */
  private Map<String, String> writerOptions() {
    Map<String, String> options = new HashMap<>();
    String steps = model.spec().outputSize() == 1 ? "" : ".list.element";
    options.put("parquet.enable.dictionary#" + predictionColumn + ".list.element" + steps, "false");
    options.putAll(to.options);
    return options;
  }

  /** What is replaced may be somebody's only copy of the sequences. */
  private void checkNotInTheWay(String[] inputs) {
    for (String file : inputs) {
      String input = unescaped(URI.create(file));
      if (input.equals(replaced) || input.startsWith(replaced + "/")) {
        throw new UserError(
            "--out %s: expected a place that nothing is read from, found the input %s"
                .formatted(replaced, input));
      }
    }
  }

  /** As paths are written elsewhere: no escapes, and file:/ with one slash. */
  private static String unescaped(URI uri) {
    String authority = uri.getAuthority() == null ? "" : "//" + uri.getAuthority();
    return uri.getScheme() + ":" + authority + uri.getPath();
  }

  /**
   * Says which model scored what.
   *
   * @param done by {@link #run}
   * @return the content of {@code _recall.json}
   */
  public ObjectNode json(Done done) {
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    json.put("recall_predictions", 1);
    ObjectNode its = json.putObject("model");
    its.put("file", model.origin());
    if (model.version() > 0) {
      its.put("version", model.version());
    } else {
      its.putNull("version");
    }
    its.put("layers", model.spec().layers());
    its.put("parameters_sha256", model.sha256());
    json.put("input", from.path);
    json.put("input_format", from.format.text());
    json.put("format", to.format.text());
    json.put("sequence_column", sequenceColumn);
    json.put("prediction_column", predictionColumn);
    if (lastSteps < Integer.MAX_VALUE) {
      json.put("last_steps", lastSteps);
    } else {
      json.putNull("last_steps");
    }
    json.put("drop_sequences", dropSequences);
    json.put("on_bad", onBad.text());
    json.put("rows", done.rows());
    json.put("rows_without_prediction", done.withoutPrediction());
    return json;
  }
}
