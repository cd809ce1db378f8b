package dev.recall.job.spark.predict;

import dev.recall.job.config.UserError;
import dev.recall.job.registry.ModelRegistry;
import dev.recall.job.spark.SparkHome;
import dev.recall.job.store.Storage;
import java.io.IOException;
import java.io.UncheckedIOException;
import org.apache.spark.SparkContext;
import org.apache.spark.ml.Transformer;
import org.apache.spark.ml.param.IntParam;
import org.apache.spark.ml.param.Param;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.ml.util.DefaultParamsReader;
import org.apache.spark.ml.util.DefaultParamsReader$;
import org.apache.spark.ml.util.DefaultParamsWriter$;
import org.apache.spark.ml.util.Identifiable$;
import org.apache.spark.ml.util.MLReader;
import org.apache.spark.ml.util.MLWritable;
import org.apache.spark.ml.util.MLWriter;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.internal.SQLConf;
import org.apache.spark.sql.types.StructType;
import org.slf4j.LoggerFactory;
import scala.Option;

/**
 * A model as a stage of a Spark ML pipeline: adds a column with the network's outputs to the rows
 * of a DataFrame.
 *
 * <p>The input column has a sequence per row, of any length: {@code array<float>}, {@code
 * array<double>}, a vector or the text of a JSON array, for networks of several inputs {@code
 * array<array<float>>} and the like. The output column has the outputs of each step. Rows keep
 * their order and their partitions, and a prediction has the same bits in any of them.
 *
 * <p>A saved model is a folder with the parameters as safetensors and Spark's metadata as JSON;
 * neither is read by Java's deserialization.
 */
public final class RecallModel extends Transformer implements MLWritable {

  private static final long serialVersionUID = 1L;
  private static final String FILE = "/model.safetensors";
  private static final Scoring.Options OPTIONS = new Scoring.Options("inputCol", "outputCol");

  private final String uid;
  private final ScoredModel model;
  private final Param<String> inputCol;
  private final Param<String> outputCol;
  private final IntParam lastSteps;
  private final Param<String> onBad;

  /**
   * Makes a stage of a model.
   *
   * @param model the network
   */
  public RecallModel(ScoredModel model) {
    this(Identifiable$.MODULE$.randomUID("recall"), model);
  }

  private RecallModel(String uid, ScoredModel model) {
    this.uid = uid;
    this.model = model;
    this.inputCol = new Param<>(this, "inputCol", "column with a sequence per row");
    this.outputCol = new Param<>(this, "outputCol", "column that receives the outputs");
    this.lastSteps =
        new IntParam(this, "lastSteps", "how many of the last steps to give; 0: all of them");
    this.onBad =
        new Param<>(this, "onBad", "what a row without a usable sequence does: fail or null");
    setDefault(inputCol, "sequence");
    setDefault(outputCol, "prediction");
    setDefault(lastSteps, 0);
    setDefault(onBad, OnBad.FAIL.text());
  }

  /**
   * Reads the result of a run.
   *
   * @param path a run directory or one of its checkpoints, on any Hadoop file system
   * @return the stage
   * @throws UserError when it cannot be read
   */
  public static RecallModel ofRun(String path) {
    return new RecallModel(
        ScoredModel.ofRun(storage(), path, LoggerFactory.getLogger(RecallModel.class)::warn));
  }

  /**
   * Reads the version in service.
   *
   * @param registry directory of all models, on any Hadoop file system
   * @param name of the model
   * @return the stage; it stays with this version
   * @throws UserError when no version is in service or it cannot be read
   */
  public static RecallModel inService(String registry, String name) {
    ModelRegistry models = ModelRegistry.open(storage(), registry, name);
    return new RecallModel(ScoredModel.ofVersion(models, models.versionInService()));
  }

  private static Storage storage() {
    return SparkSession.getDefaultSession().isEmpty()
        ? new Storage(SparkHome.hadoopSettings())
        : storage(SparkSession.getDefaultSession().get().sparkContext());
  }

  /** The same with the settings of a context that code has made, not spark-submit. */
  private static Storage storage(SparkContext spark) {
    return new Storage(SparkHome.hadoopSettings(spark.getConf()));
  }

  /**
   * Reads a saved model.
   *
   * @param path its folder
   * @return the stage
   */
  public static RecallModel load(String path) {
    return read().load(path);
  }

  /**
   * Returns a reader; pipelines find it by name.
   *
   * @return reads saved models
   */
  public static MLReader<RecallModel> read() {
    return new Reader();
  }

  @Override
  public MLWriter write() {
    return new Writer(this);
  }

  @Override
  public String uid() {
    return uid;
  }

  /**
   * Returns the model.
   *
   * @return network, parameters and origin
   */
  public ScoredModel model() {
    return model;
  }

  /**
   * Names the column with the sequences.
   *
   * @return default {@code sequence}
   */
  public Param<String> inputCol() {
    return inputCol;
  }

  /**
   * Names the column that is added.
   *
   * @return default {@code prediction}
   */
  public Param<String> outputCol() {
    return outputCol;
  }

  /**
   * Says how many of the last steps' outputs are given, of a shorter sequence all.
   *
   * @return default 0, all steps
   */
  public IntParam lastSteps() {
    return lastSteps;
  }

  /**
   * Says what happens to a row without a usable sequence.
   *
   * @return {@code fail}, the default, or {@code null}
   */
  public Param<String> onBad() {
    return onBad;
  }

  /**
   * Sets {@link #inputCol}.
   *
   * @param name of the column
   * @return this
   */
  public RecallModel setInputCol(String name) {
    set(inputCol, name);
    return this;
  }

  /**
   * Sets {@link #outputCol}.
   *
   * @param name of the column
   * @return this
   */
  public RecallModel setOutputCol(String name) {
    set(outputCol, name);
    return this;
  }

  /**
   * Sets {@link #lastSteps}.
   *
   * @param steps how many, 0: all
   * @return this
   */
  public RecallModel setLastSteps(int steps) {
    set(lastSteps, (Object) steps);
    return this;
  }

  /**
   * Sets {@link #onBad}.
   *
   * @param policy of rows without a usable sequence
   * @return this
   */
  public RecallModel setOnBad(OnBad policy) {
    set(onBad, policy.text());
    return this;
  }

  private Scoring scoring() {
    int last = (Integer) getOrDefault(lastSteps);
    if (last < 0) {
      throw new UserError("lastSteps: expected at least 0, found " + last);
    }
    String policy = getOrDefault(onBad);
    return new Scoring(
        model,
        getOrDefault(inputCol),
        getOrDefault(outputCol),
        last == 0 ? Integer.MAX_VALUE : last,
        OnBad.of(policy)
            .orElseThrow(
                () ->
                    new UserError("onBad: expected one of " + OnBad.texts() + ", found " + policy)),
        false,
        OPTIONS);
  }

  /**
   * Returns all columns and the output column. Whether names that differ in upper and lower case
   * are the same is as Spark's {@code spark.sql.caseSensitive} has it.
   *
   * @param schema of the input
   * @return with the output column behind
   * @throws UserError naming the columns that there are, when they do not fit
   */
  @Override
  public StructType transformSchema(StructType schema) {
    return scoring().schema(schema, SQLConf.get());
  }

  /**
   * Adds the output column. A row whose sequence cannot be used ends the job with a {@link
   * BadSequence} among the causes, unless {@link #onBad} says null.
   *
   * @param rows of a batch, not of a stream
   * @return the rows, in the same order
   * @throws UserError naming the columns that there are, when they do not fit
   */
  @Override
  public Dataset<Row> transform(Dataset<?> rows) {
    return scoring().apply(rows, Scoring.Counts.of(rows.sparkSession()));
  }

  @Override
  public RecallModel copy(ParamMap extra) {
    return copyValues(new RecallModel(uid, model), extra);
  }

  private static final class Writer extends MLWriter {
    private final RecallModel stage;

    Writer(RecallModel stage) {
      this.stage = stage;
    }

    @Override
    public void saveImpl(String path) {
      DefaultParamsWriter$.MODULE$.saveMetadata(stage, path, sc(), Option.empty(), Option.empty());
      try {
        stage.model.write(storage(sc()), path + FILE);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  private static final class Reader extends MLReader<RecallModel> {
    @Override
    public RecallModel load(String path) {
      DefaultParamsReader.Metadata metadata =
          DefaultParamsReader$.MODULE$.loadMetadata(path, sc(), RecallModel.class.getName());
      RecallModel stage =
          new RecallModel(metadata.uid(), ScoredModel.read(storage(sc()), path + FILE));
      metadata.getAndSetParams(stage, Option.empty());
      return stage;
    }
  }
}
