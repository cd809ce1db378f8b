package dev.recall.job.spark.predict;

import static org.apache.spark.ml.functions.vector_to_array;
import static org.apache.spark.sql.functions.when;

import dev.recall.job.config.UserError;
import java.util.Arrays;
import java.util.List;
import java.util.UUID;
import java.util.function.BiPredicate;
import java.util.stream.IntStream;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.ml.linalg.SQLDataTypes;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.internal.SQLConf;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.Metadata;
import org.apache.spark.sql.types.MetadataBuilder;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.util.LongAccumulator;

/**
 * How the rows of a DataFrame get predictions.
 *
 * <p>Note to the maintainer. Rows stay in Spark's own form: typed as {@link Row} each number of a
 * sequence would become an object (docs/benchmarks.md has what that costs). For this a DataFrame is
 * made from an RDD of internal rows, as Spark's own data sources do. Columns that a reader of files
 * has in batches are read where they are.
 *
 * @param model the network
 * @param inputColumn that holds the sequences
 * @param outputColumn that is added
 * @param lastSteps of each sequence, whose outputs are given; of a shorter one all
 * @param onBad what happens to a row without a usable sequence
 * @param dropInput whether rows go without their sequences
 * @param options names of the input and the output column for messages
 */
record Scoring(
    ScoredModel model,
    String inputColumn,
    String outputColumn,
    int lastSteps,
    OnBad onBad,
    boolean dropInput,
    Options options) {

  /** Names by which users know the two columns. */
  record Options(String input, String output) {}

  /** What was counted when the job has run. */
  record Counts(LongAccumulator rows, LongAccumulator bad) {
    static Counts of(SparkSession spark) {
      return new Counts(
          spark.sparkContext().longAccumulator("rows"),
          spark.sparkContext().longAccumulator("rows without prediction"));
    }
  }

  /**
   * Returns the columns and the prediction.
   *
   * @param settings say which names of columns are the same
   * @throws UserError when the columns do not fit
   */
  StructType schema(StructType input, SQLConf settings) {
    return output(input, kept(input, column(input, settings)));
  }

  /** Ordinals of the columns that the output has. */
  private List<Integer> kept(StructType input, SequenceColumn column) {
    return IntStream.range(0, input.size())
        .filter(i -> !(dropInput && i == column.ordinal()))
        .boxed()
        .toList();
  }

  private StructType output(StructType input, List<Integer> kept) {
    StructType output = new StructType();
    for (int ordinal : kept) {
      output = output.add(input.apply(ordinal));
    }
    return output.add(prediction());
  }

  private StructField prediction() {
    DataType step =
        model.spec().outputSize() == 1
            ? DataTypes.FloatType
            : DataTypes.createArrayType(DataTypes.FloatType, false);
    return new StructField(
        outputColumn, DataTypes.createArrayType(step, false), onBad == OnBad.NULL, provenance());
  }

  private SequenceColumn column(StructType input, SQLConf settings) {
    boolean cases = settings.caseSensitiveAnalysis();
    BiPredicate<String, String> same = cases ? String::equals : String::equalsIgnoreCase;
    if (Arrays.stream(input.fieldNames()).anyMatch(name -> same.test(name, outputColumn))) {
      throw new UserError(
          "%s %s: expected a name that no column has%s, found %s"
              .formatted(
                  options.output(),
                  outputColumn,
                  cases ? "" : " in upper or lower case",
                  Arrays.toString(input.fieldNames())));
    }
    return SequenceColumn.find(input, inputColumn, same, options.input(), model.spec());
  }

  /** Goes into the footer of each Parquet file. */
  private Metadata provenance() {
    return new MetadataBuilder()
        .putString("recall_model", model.origin())
        .putString("recall_parameters_sha256", model.sha256())
        .build();
  }

  /**
   * Adds the predictions.
   *
   * @param counts that the job adds to
   * @return the rows in the same partitions and the same order
   */
  Dataset<Row> apply(Dataset<?> rows, Counts counts) {
    SequenceColumn column = column(rows.schema(), rows.sparkSession().sessionState().conf());
    if (rows.isStreaming()) {
      throw new UserError("rows: expected those of a batch, found a stream");
    }
    List<Integer> kept = kept(rows.schema(), column);
    if (column.isReadAsItIs()) {
      return scored(rows.toDF(), column, kept, counts);
    }
    String converted = "recall_" + UUID.randomUUID();
    Column sequences = rows.col("`" + column.name().replace("`", "``") + "`");
    Column numbers =
        column.type().equals(SQLDataTypes.VectorType())
            ? when(sequences.isNotNull(), vector_to_array(sequences, "float64"))
            : sequences.cast(column.readAs());
    Dataset<Row> wider = rows.withColumn(converted, numbers);
    return scored(wider, column.at(wider.schema().size() - 1), kept, counts);
  }

  private Dataset<Row> scored(
      Dataset<Row> rows, SequenceColumn column, List<Integer> kept, Counts counts) {
    SparkSession spark = rows.sparkSession();
    StructType schema = rows.schema();
    StructType output = output(schema, kept);
    Broadcast<float[]> parameters =
        JavaSparkContext.fromSparkContext(spark.sparkContext()).broadcast(model.parameters());
    ScoringTask task =
        new ScoringTask(
            model.spec(),
            parameters,
            schema,
            kept,
            output,
            column,
            lastSteps,
            onBad,
            counts.rows(),
            counts.bad());
    JavaRDD<InternalRow> scored =
        BatchedRows.of(rows.queryExecution().executedPlan())
            .map(batches -> batches.toJavaRDD().mapPartitions(task::batches))
            .orElseGet(() -> rows.queryExecution().toRdd().toJavaRDD().mapPartitions(task::rows));
    return spark.internalCreateDataFrame(scored.rdd(), output, false);
  }
}
