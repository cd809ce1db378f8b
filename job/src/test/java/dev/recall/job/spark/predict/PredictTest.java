package dev.recall.job.spark.predict;

import static dev.recall.job.Commands.recall;
import static org.apache.spark.sql.functions.col;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.recall.job.Commands;
import dev.recall.job.Commands.Result;
import dev.recall.job.FailingFileSystem;
import dev.recall.job.Recall;
import dev.recall.job.RunFiles;
import dev.recall.job.config.UserError;
import dev.recall.job.store.Storage;
import dev.recall.model.RegressorSpec;
import dev.recall.model.recurrent.PlainEngine;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.apache.spark.ml.Pipeline;
import org.apache.spark.ml.PipelineModel;
import org.apache.spark.ml.PipelineStage;
import org.apache.spark.ml.feature.SQLTransformer;
import org.apache.spark.ml.feature.VectorAssembler;
import org.apache.spark.ml.param.ParamMap;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import scala.collection.JavaConverters;
import scala.collection.Seq;

/** {@code predict} and the pipeline stage, on a real Spark that all tests share. */
@Tag("cluster")
class PredictTest {

  private static final int ROWS = 300;
  private static final DataType FLOATS = DataTypes.createArrayType(DataTypes.FloatType);
  private static final List<String> SMALL =
      List.of(
          "task.steps=6",
          "task.remember=1",
          "model.layers=[1, (lstm, 4), 1]",
          "training.shards=1",
          "training.local-steps=1",
          "evaluation.batches=1",
          "stop.rounds=1",
          "retrain.batches=2",
          "validation.every-rounds=0");

  @TempDir private static Path shared;
  private static SparkSession spark;
  private static ScoredModel model;

  @TempDir private Path folder;

  @BeforeAll
  static void start() {
    spark =
        SparkSession.builder()
            .master("local[2]")
            .config("spark.ui.enabled", "false")
            .config("spark.sql.shuffle.partitions", "2")
            .getOrCreate();
    String run = shared.resolve("run").toString();
    ok(recall(Commands.with(SMALL, "train", "--without-spark", "--run", run)));
    model = ScoredModel.ofRun(new Storage(Map.of()), run, line -> {});
    data().repartition(3).write().parquet(shared.resolve("parquet").toString());
    data().coalesce(1).write().json(shared.resolve("json").toString());
    data()
        .selectExpr("id", "name", "to_json(sequence) as sequence")
        .coalesce(1)
        .write()
        .option("header", true)
        .csv(shared.resolve("csv").toString());
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  private static void ok(Result result) {
    assertThat(result.exitCode()).as(result.err()).isZero();
  }

  /** Lengths 1 to 40, of which most are 6. */
  private static float[] sequence(int id) {
    Random random = new Random(id);
    float[] values = new float[random.nextInt(3) > 0 ? 6 : 1 + random.nextInt(40)];
    for (int t = 0; t < values.length; t++) {
      values[t] = (float) random.nextGaussian();
    }
    return values;
  }

  private static StructType schema(DataType sequences) {
    return new StructType()
        .add("id", DataTypes.LongType)
        .add("name", DataTypes.StringType)
        .add("sequence", sequences);
  }

  private static Dataset<Row> data() {
    List<Row> rows = new ArrayList<>();
    for (int id = 0; id < ROWS; id++) {
      rows.add(RowFactory.create((long) id, "name " + id, boxed(sequence(id))));
    }
    return spark.createDataFrame(rows, schema(FLOATS)).coalesce(1);
  }

  private static Float[] boxed(float[] values) {
    Float[] boxed = new Float[values.length];
    Arrays.setAll(boxed, t -> values[t]);
    return boxed;
  }

  /** A sequence by itself, on the plain engine. */
  private static float[] expected(float[] sequence, int last) {
    float[] outputs = new float[sequence.length];
    new PlainEngine(model.spec())
        .predict(model.parameters(), sequence, sequence.length, 1, outputs);
    return Arrays.copyOfRange(outputs, Math.max(0, outputs.length - last), outputs.length);
  }

  private static void assertPredicted(Dataset<Row> rows, int last) {
    Map<Long, List<Float>> found = new TreeMap<>();
    for (Row row : rows.selectExpr("bigint(id)", "prediction").collectAsList()) {
      found.put(row.getLong(0), row.getList(1));
    }
    assertThat(found).hasSize(ROWS);
    found.forEach(
        (id, prediction) ->
            assertThat(prediction)
                .as("row " + id)
                .containsExactly(boxed(expected(sequence(id.intValue()), last))));
  }

  private List<String> command(String in, String... more) {
    List<String> args =
        new ArrayList<>(
            List.of("predict", "--run", shared.resolve("run").toString(), "--in", in, "--out"));
    args.add(out());
    args.addAll(List.of(more));
    return args;
  }

  private String out() {
    return folder.resolve("out").toString();
  }

  private static String shared(String name) {
    return shared.resolve(name).toString();
  }

  private void assertRefused(Result result, String message) {
    assertThat(result.err().strip()).isEqualTo(message);
    assertThat(result.exitCode()).isEqualTo(2);
    assertThat(folder.resolve("out/_SUCCESS")).doesNotExist();
    assertThat(folder.resolve("out/_recall.json")).doesNotExist();
  }

  @ParameterizedTest
  @CsvSource({"parquet, json, 2147483647", "json, csv, 3", "csv, parquet, 3"})
  void everyFormatGivesTheBitsOfThePlainEngine(String from, String to, int last) {
    List<String> args = command(shared(from), "--input-format", from, "--format", to);
    if (last < ROWS) {
      args.addAll(List.of("--last", String.valueOf(last)));
    }
    ok(recall(args));
    Dataset<Row> rows =
        switch (to) {
          case "csv" ->
              spark
                  .read()
                  .option("header", true)
                  .csv(out())
                  .selectExpr(
                      "id",
                      "name",
                      "from_json(sequence, 'array<float>') as sequence",
                      "from_json(prediction, 'array<float>') as prediction");
          case "json" -> spark.read().schema(schema(FLOATS).add("prediction", FLOATS)).json(out());
          default -> spark.read().parquet(out());
        };
    assertThat(rows.columns()).containsExactly("id", "name", "sequence", "prediction");
    assertPredicted(rows, last);
    assertThat(rows.where("name != concat('name ', id)").count()).isZero();
  }

  @Test
  void theNumberOfTasksChangesNoBit() {
    List<List<Row>> results = new ArrayList<>();
    for (int tasks : List.of(1, 3, 8)) {
      Dataset<Row> rows = new RecallModel(model).transform(data().repartition(tasks));
      assertThat(rows.javaRDD().getNumPartitions()).isEqualTo(tasks);
      List<Row> scored = new ArrayList<>(rows.collectAsList());
      scored.sort(Comparator.comparing(row -> row.getLong(0)));
      results.add(scored);
    }
    assertThat(results.get(0)).hasSize(ROWS);
    assertThat(results.get(1)).isEqualTo(results.get(0));
    assertThat(results.get(2)).isEqualTo(results.get(0));
  }

  @Test
  void rowsOfAFileKeepTheirOrderAndSayWhichModelScoredThem() {
    Path summary = folder.resolve("summary.json");
    Result result =
        recall(command(shared("json"), "--input-format=json", "--summary", summary.toString()));
    ok(result);
    assertThat(result.out())
        .matches(
            "(?s)rows                300 in \\S+ s; 0 without prediction\n"
                + "model               file:/.*/checkpoints/round-00000001.safetensors\n"
                + "parameters SHA-256  "
                + model.sha256()
                + "\npredictions         file:/.*/out\n");
    Dataset<Row> rows = spark.read().parquet(out());
    List<Long> ids = rows.select("id").javaRDD().map(row -> row.getLong(0)).collect();
    assertThat(ids).hasSize(ROWS).isSorted();
    assertThat(rows.schema().apply("prediction").metadata().getString("recall_parameters_sha256"))
        .isEqualTo(model.sha256());
    JsonNode json = RunFiles.json(folder.resolve("out/_recall.json"));
    assertThat(json.at("/model/parameters_sha256").textValue()).isEqualTo(model.sha256());
    assertThat(json.at("/model/layers").textValue()).isEqualTo("[1, (lstm, 4), 1]");
    assertThat(json.at("/rows").intValue()).isEqualTo(ROWS);
    assertThat(RunFiles.json(summary).at("/output").textValue()).endsWith("/out");
  }

  @Test
  void theVersionInServicePredictsAsItDoesWithoutSpark() {
    String registry = folder.resolve("registry").toString();
    List<String> retrain = Commands.with(SMALL, "retrain", "--without-spark", "--name", "memory");
    retrain.addAll(List.of("--registry", registry));
    ok(recall(retrain));
    ok(
        recall(
            "predict",
            "--registry",
            registry,
            "--name=memory",
            "--in",
            shared("parquet"),
            "--out",
            out()));
    Recall served = Recall.load(registry, "memory");
    for (Row row : spark.read().parquet(out()).limit(20).collectAsList()) {
      float[] inputs = sequence((int) row.getLong(0));
      assertThat(row.<Float>getList(3))
          .containsExactly(boxed(served.model().predict(inputs, inputs.length, 1)));
    }
    assertThat(RunFiles.json(folder.resolve("out/_recall.json")).at("/model/version").intValue())
        .isEqualTo(1);
    Result missing =
        recall(
            List.of(
                "predict",
                "--registry=" + registry,
                "--name=memory",
                "--model-version=7",
                "--in=" + shared("parquet"),
                "--out=" + out() + "2"));
    assertThat(missing.exitCode()).isEqualTo(2);
    assertThat(missing.err()).contains("expected one of the versions [1], found no version 7");
  }

  /** Batches of Spark's Parquet reader, dictionaries in them, and the columns of a directory. */
  @Test
  void batchesAndDictionariesChangeNoBit() {
    List<Row> some = new ArrayList<>();
    for (int id = 0; id < 40; id++) {
      some.add(row(id, id % 9 == 0 ? null : boxed(sequence(id % 4))));
    }
    String in = folder.resolve("rows").toString();
    spark.createDataFrame(some, schema(FLOATS)).coalesce(1).write().parquet(in + "/part=a");
    spark.conf().set("spark.sql.parquet.columnarReaderBatchSize", "7");
    try {
      ok(recall(command(in, "--on-bad=null", "--drop-sequences", "--last=3")));
    } finally {
      spark.conf().unset("spark.sql.parquet.columnarReaderBatchSize");
    }
    Dataset<Row> found = spark.read().parquet(out());
    assertThat(found.columns()).containsExactly("id", "name", "part", "prediction");
    List<Row> rows = found.collectAsList();
    for (int id = 0; id < 40; id++) {
      Row row = rows.get(id);
      assertThat(row.getLong(0)).isEqualTo(id);
      assertThat(row.getString(1)).isEqualTo("n" + id);
      assertThat(row.getString(2)).isEqualTo("a");
      assertThat(row.<Float>getList(3))
          .isEqualTo(id % 9 == 0 ? null : List.of(boxed(expected(sequence(id % 4), 3))));
    }
  }

  @Test
  void aRowOfALaterBatchIsNamedByItsNumber() {
    List<Row> rows = new ArrayList<>();
    for (int id = 0; id < 20; id++) {
      rows.add(row(id, id == 17 ? null : boxed(sequence(id))));
    }
    String in = write(rows, FLOATS);
    spark.conf().set("spark.sql.parquet.columnarReaderBatchSize", "7");
    try {
      assertRefused(
          recall(command(in)),
          partFile(in)
              + ": row 17 (from 0) with id=17, name=n17, column sequence: "
              + "expected a sequence, found null; --on-bad null goes on without it");
    } finally {
      spark.conf().unset("spark.sql.parquet.columnarReaderBatchSize");
    }
  }

  /** Text and doubles are converted in a column of their own, which goes with the sequences. */
  @Test
  void sequencesAreDroppedInWhateverFormTheyCame() {
    ok(recall(command(shared("csv"), "--input-format=csv", "--drop-sequences")));
    assertThat(spark.read().parquet(out()).columns()).containsExactly("id", "name", "prediction");
    String in = folder.resolve("doubles").toString();
    data().withColumn("sequence", col("sequence").cast("array<double>")).write().parquet(in);
    ok(recall(command(in, "--drop-sequences", "--overwrite")));
    assertThat(spark.read().parquet(out()).columns()).containsExactly("id", "name", "prediction");
    assertPredicted(spark.read().parquet(out()), ROWS);
    ok(recall(command(in, "--overwrite")));
    assertThat(spark.read().parquet(out()).schema().apply("sequence").dataType().catalogString())
        .isEqualTo("array<double>");
  }

  private String write(List<Row> rows, DataType sequences) {
    String path = folder.resolve("rows").toString();
    spark.createDataFrame(rows, schema(sequences)).coalesce(1).write().parquet(path);
    return path;
  }

  private String partFile(String path) {
    return RunFiles.names(Path.of(path)).stream()
        .filter(name -> name.startsWith("part-"))
        .map(name -> "file://" + path + "/" + name)
        .findFirst()
        .orElseThrow();
  }

  private static Row row(long id, Object sequence) {
    return RowFactory.create(id, "n" + id, sequence);
  }

  /** The third row is bad; with null the others get their predictions. */
  private void assertBad(DataType type, Object good, Object bad, String message) {
    String in = write(List.of(row(7, good), row(8, good), row(9, bad)), type);
    assertRefused(
        recall(command(in)),
        partFile(in)
            + ": row 2 (from 0) with id=9, name=n9, column sequence: "
            + message
            + "; --on-bad null goes on without it");
    Result result = recall(command(in, "--on-bad=null", "--overwrite"));
    ok(result);
    assertThat(result.out()).contains("rows                3 in", "; 1 without prediction\n");
    List<Row> rows = spark.read().parquet(out()).orderBy("id").collectAsList();
    assertThat(rows.get(0).isNullAt(3)).isFalse();
    assertThat(rows.get(1).get(3)).isEqualTo(rows.get(0).get(3));
    assertThat(rows.get(2).isNullAt(3)).isTrue();
    assertThat(rows.get(2).getLong(0)).isEqualTo(9);
  }

  @Test
  void aNullSequenceIsNamed() {
    assertBad(FLOATS, boxed(sequence(1)), null, "expected a sequence, found null");
  }

  @Test
  void anEmptySequenceIsNamed() {
    assertFirstBad(
        new RecallModel(model),
        new Float[0],
        FLOATS,
        "expected at least 1 step, found an empty sequence");
  }

  @Test
  void nanIsNamedWithItsStep() {
    assertBad(
        FLOATS,
        boxed(sequence(1)),
        new Float[] {1f, 2f, Float.NaN, 4f},
        "expected finite 32-bit numbers, found NaN at step 2");
  }

  @Test
  void aDoubleThatNoFloatCanHoldIsNamed() {
    assertFirstBad(
        new RecallModel(model),
        new Double[] {0.5, 1e300},
        DataTypes.createArrayType(DataTypes.DoubleType),
        "expected finite 32-bit numbers, found 1.0E300 at step 1");
  }

  /** What else can be wrong, of readers without a file around them. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "1 | [1, null] | expected finite 32-bit numbers, found null at step 1",
        "1 | [1, Infinity] | expected finite 32-bit numbers, found Infinity at step 1",
        "1 | [[1], [2, 3]] | expected 1 number per step, found more at step 1",
        "1 | {} | expected a JSON array of numbers such as [0.5, -1], found {}",
        "1 | [1, 2 | expected a JSON array of numbers such as [0.5, -1], found [1, 2",
        "1 | [1] 2 | expected a JSON array of numbers such as [0.5, -1], found [1] 2",
        "1 | [1, \"a\"] | expected a JSON array of numbers such as [0.5, -1], found [1, \"a\"]",
        "1 | [] | expected at least 1 step, found an empty sequence",
        "2 | [[1, 2], [3]] | expected 2 numbers per step, found 1 at step 1",
        "2 | [[1, 2], [3, 4, 5]] | expected 2 numbers per step, found more at step 1",
        "2 | [[1, 2], 3] | expected 2 numbers per step, found 3 at step 1",
        "2 | [[1, 2], [3, 1e39]] | expected finite 32-bit numbers, found 1.0E39 at step 1, number 1",
      })
  void textThatIsNoSequenceIsNamed(int inputSize, String text, String message) {
    RecallModel stage = stage(inputSize, 1);
    assertFirstBad(stage, text, DataTypes.StringType, message);
  }

  private static RecallModel stage(int inputs, int outputs) {
    RegressorSpec spec =
        RegressorSpec.parse("[%d, (lstm, 3), (lstm, 5), %d]".formatted(inputs, outputs), true);
    float[] parameters = new float[spec.layout().size()];
    Random random = new Random(3);
    for (int i = 0; i < parameters.length; i++) {
      parameters[i] = (float) random.nextGaussian();
    }
    return new RecallModel(new ScoredModel("test", 0, spec, parameters));
  }

  private static void assertFirstBad(RecallModel stage, Object bad, DataType type, String message) {
    Dataset<Row> rows = spark.createDataFrame(List.of(row(5, bad)), schema(type)).coalesce(1);
    BadSequence found = BadSequence.in(catchThrowable(() -> stage.transform(rows).collectAsList()));
    assertThat(found)
        .hasMessage(
            "row 0 (from 0) of partition 0 with id=5, name=n5, column sequence: " + message);
    Dataset<Row> nulls = stage.copy(new ParamMap()).setOnBad(OnBad.NULL).transform(rows);
    assertThat(nulls.collectAsList().get(0).isNullAt(3)).isTrue();
  }

  @Test
  void raggedAndMissingStepsAreNamed() {
    DataType type = DataTypes.createArrayType(FLOATS);
    RecallModel stage = stage(2, 1);
    Float[] good = {1f, 2f};
    assertFirstBad(
        stage, new Float[][] {good, {1f}}, type, "expected 2 numbers per step, found 1 at step 1");
    assertFirstBad(
        stage, new Float[][] {null}, type, "expected 2 numbers per step, found null at step 0");
    assertFirstBad(
        stage,
        new Float[][] {good, {1f, Float.NEGATIVE_INFINITY}},
        type,
        "expected finite 32-bit numbers, found -Infinity at step 1, number 1");
    assertFirstBad(
        stage,
        new Float[][] {good, {null, 1f}},
        type,
        "expected finite 32-bit numbers, found null at step 1, number 0");
  }

  @Test
  void outputsThatAreNotFiniteAreNamed() {
    RegressorSpec spec = RegressorSpec.parse("[1, (lstm, 1), 1]", false);
    float[] parameters = new float[spec.layout().size()];
    Arrays.fill(parameters, 3e38f);
    assertFirstBad(
        new RecallModel(new ScoredModel("test", 0, spec, parameters)),
        new Float[] {1f},
        FLOATS,
        "expected finite outputs of the network, found others");
  }

  @Test
  void severalInputsAndOutputsPerStepKeepTheirPlaces() {
    RecallModel stage = stage(2, 3);
    Double[][] sequence = {{0.25, -1.0}, {2.0, 0.5}, {1.0, 1.0}};
    DataType type = DataTypes.createArrayType(DataTypes.createArrayType(DataTypes.DoubleType));
    Row scored =
        stage
            .transform(spark.createDataFrame(List.of(row(1, sequence)), schema(type)))
            .collectAsList()
            .get(0);
    float[] outputs = new float[9];
    ScoredModel its = stage.model();
    new PlainEngine(its.spec())
        .predict(its.parameters(), new float[] {0.25f, -1, 2, 0.5f, 1, 1}, 3, 1, outputs);
    List<List<Float>> steps = new ArrayList<>();
    for (int t = 0; t < 3; t++) {
      steps.add(JavaConverters.seqAsJavaList(scored.<Seq<Float>>getList(3).get(t)));
    }
    assertThat(steps.stream().flatMap(List::stream)).containsExactly(boxed(outputs));
    assertThat(steps).hasSize(3);
  }

  @Test
  void aColumnThatIsNotThereIsRefusedWithThoseThatAre() {
    String columns = "id bigint, name string, sequence array<float>";
    assertRefused(
        recall(command(shared("parquet"), "--sequence-column=sequnce")),
        "--sequence-column sequnce: expected one column of that name, found "
            + columns
            + "; did you mean sequence?");
    assertRefused(
        recall(command(shared("parquet"), "--sequence-column=id")),
        "--sequence-column id: expected one number per step as array<float> or array<double> or"
            + " text with a JSON array, found bigint; the columns are "
            + columns);
    assertRefused(
        recall(command(shared("parquet"), "--prediction-column=name")),
        "--prediction-column name: expected a name that no column has in upper or lower case, found"
            + " [id, name, sequence]");
    assertThatThrownBy(() -> stage(2, 1).transformSchema(schema(FLOATS)))
        .isInstanceOf(UserError.class)
        .hasMessage(
            "inputCol sequence: expected 2 numbers per step as array<array<float>> or"
                + " array<array<double>> or text with a JSON array, found array<float>; the columns"
                + " are "
                + columns);
    assertThat(folder.resolve("out")).doesNotExist();
  }

  @Test
  void namesOfColumnsAreTheSameWhereTheyAreForSpark() {
    RecallModel upper = new RecallModel(model).setInputCol("SEQUENCE").setOutputCol("Name");
    String message = "outputCol Name: expected a name that no column has in upper or lower case";
    assertThatThrownBy(() -> upper.transformSchema(schema(FLOATS))).hasMessageContaining(message);
    assertThatThrownBy(() -> upper.transform(data())).hasMessageContaining(message);
    assertRefused(
        recall(command(shared("parquet"), "--prediction-column=SEQUENCE")),
        "--prediction-column SEQUENCE: expected a name that no column has in upper or lower case,"
            + " found [id, name, sequence]");
    assertPredicted(new RecallModel(model).setInputCol("Sequence").transform(data()), ROWS);
    Dataset<Row> twice =
        data()
            .selectExpr("id", "name", "sequence", "array(0f) as other")
            .toDF("id", "name", "sequence", "Sequence");
    assertThatThrownBy(() -> new RecallModel(model).transform(twice))
        .hasMessage("inputCol sequence: expected one column of that name, found 2 of them");

    spark.conf().set("spark.sql.caseSensitive", "true");
    try {
      RecallModel stage = upper.copy(new ParamMap()).setInputCol("sequence");
      assertThat(stage.transform(data()).columns())
          .containsExactly("id", "name", "sequence", "Name");
      assertThatThrownBy(() -> upper.transformSchema(schema(FLOATS)))
          .hasMessageStartingWith("inputCol SEQUENCE: expected one column of that name, found id");
    } finally {
      spark.conf().unset("spark.sql.caseSensitive");
    }
  }

  @Test
  void wrongOptionsAreToldAllAtOnce() {
    assertRefused(
        recall(
            command(
                shared("parquet"),
                "--registry=r",
                "--last=0",
                "--format=orc",
                "--on-bad=skip",
                "--input-option=sep",
                "--model-version=0")),
        """
        model: expected either --run or --registry, found both
        --registry and --name: expected both or none, found one
        --model-version: expected a number of at least 1 beside --registry, found 0
        --last: expected at least 1, found 0
        --format: expected one of [parquet, json, csv], found orc
        --on-bad: expected one of [fail, null], found skip
        --input-option: expected KEY=VALUE, found sep"""
            .stripIndent());
  }

  @Test
  void whatIsThereStaysUnlessToldAndInputIsNeverOverwritten() throws IOException {
    Files.createDirectory(folder.resolve("out"));
    assertRefused(
        recall(command(shared("parquet"))),
        "--out file:%s: expected nothing there, found files; --overwrite replaces them"
            .formatted(out()));
    Files.writeString(folder.resolve("out/old"), "old");
    assertRefused(
        recall(command(shared("parquet"), "--overwrite")),
        "--out file:%s: expected predictions to replace, or nothing, found old".formatted(out()));
    assertThat(folder.resolve("out/old")).hasContent("old");
    Files.move(folder.resolve("out/old"), folder.resolve("out/part-old"));
    Files.createDirectories(folder.resolve("out/_temporary/0")); // of a job that was killed
    ok(recall(command(shared("parquet"), "--overwrite", "--drop-sequences")));
    assertThat(spark.read().parquet(out()).columns()).containsExactly("id", "name", "prediction");
    assertThat(folder.resolve("out/part-old")).doesNotExist();
    assertThat(folder.resolve("out/_temporary")).doesNotExist();
    String bad = write(List.of(row(7, boxed(sequence(1))), row(8, null)), FLOATS);
    Map<String, String> before = RunFiles.snapshot(folder);
    assertThat(recall(command(bad, "--overwrite")).err()).contains("found null");
    assertThat(RunFiles.snapshot(folder)).as("after a job that failed").isEqualTo(before);
    Result onto = recall(command(out(), "--overwrite"));
    assertThat(onto.exitCode()).isEqualTo(2);
    assertThat(onto.err())
        .startsWith("--prediction-column prediction: expected a name that no column has ");
    Result other =
        recall(
            command(
                out(), "--overwrite", "--sequence-column=prediction", "--prediction-column=again"));
    assertThat(other.err())
        .startsWith("--out file:" + out() + ": expected a place that nothing is read from, found");
    assertThat(RunFiles.snapshot(folder)).isEqualTo(before);
  }

  /** A directory with predictions was given a run too. */
  @Test
  void aModelBelowTheOutputIsNotReplacedWithIt() {
    ok(recall(command(shared("parquet"))));
    Path run = folder.resolve("out/run");
    ok(recall(Commands.with(SMALL, "train", "--without-spark", "--run", run.toString())));
    Map<String, String> before = RunFiles.snapshot(folder);
    Result result =
        recall(
            "predict",
            "--run=" + run,
            "--in=" + shared("parquet"),
            "--out=" + out(),
            "--overwrite");
    assertThat(result.exitCode()).isEqualTo(2);
    assertThat(result.err())
        .startsWith(
            "--out file:%s: expected a place without the model, found its file file:%s/checkpoints/"
                .formatted(out(), run));
    assertThat(RunFiles.snapshot(folder)).isEqualTo(before);
  }

  @ParameterizedTest
  @ValueSource(strings = {"{\"sequence\": [1, 2", "no JSON"})
  void aLineThatIsNoJsonIsRefused(String line) throws IOException {
    Path file = folder.resolve("rows.jsonl");
    Files.writeString(file, "{\"sequence\": [1, 2]}\n" + line + "\n");
    Result result = recall(command(file.toString()));
    assertThat(result.exitCode()).isEqualTo(2);
    assertThat(result.err()).startsWith("file:" + file + ", read as json: ").contains("FAILFAST");
  }

  @Test
  void inputThatIsNotThereIsRefused() {
    Result result = recall(command(folder.resolve("none").toString()));
    assertThat(result.exitCode()).isEqualTo(2);
    assertThat(result.err())
        .isEqualTo(
            "file:%s, read as parquet: [PATH_NOT_FOUND] Path does not exist: file:%s.\n"
                .formatted(folder.resolve("none"), folder.resolve("none")));
  }

  /** Nobody can make a directory there, not even root. */
  @Test
  void aPlaceThatCannotBeWrittenToIsNamed() {
    assumeTrue(Files.isDirectory(Path.of("/proc/self")), "no /proc here");
    List<String> args = command(shared("parquet"));
    args.set(args.indexOf(out()), "/proc/recall");
    Result result = recall(args);
    assertThat(result.exitCode()).isEqualTo(1);
    assertThat(result.err())
        .matches("failed: --out file:/proc/recall: cannot be written: Mkdirs failed .*\n");
  }

  /** Rows are read well; the disk below the output fails while a task writes or ends. */
  @ParameterizedTest
  @ValueSource(strings = {"create", "write", "close"})
  void aDiskThatFailsIsThatOfTheOutput(String operation) {
    List<String> args = command(shared("json"), "--input-format=json");
    FailingFileSystem.failing(operation + " .*/part-.*")
        .forEach((key, value) -> args.addAll(List.of("--output-option", key + "=" + value)));
    Result result = recall(args);
    assertThat(result.exitCode()).isEqualTo(1);
    assertThat(result.err())
        .isEqualTo(
            "failed: --out file:%s: cannot be written: it was to fail here%n".formatted(out()));
    assertThat(folder.resolve("out/_SUCCESS")).doesNotExist();
  }

  @Test
  void whatTheOutputCannotHoldIsToldOfTheOutput() {
    String in = folder.resolve("rows").toString();
    data().selectExpr("*", "cast(name as binary) as bytes").write().parquet(in);
    Result result = recall(command(in, "--format=csv"));
    assertThat(result.exitCode()).isEqualTo(2);
    assertThat(result.err())
        .startsWith("--out file:" + out() + ", written as csv: [UNSUPPORTED_DATA_TYPE")
        .contains("`bytes`");
  }

  /** Found by the checksum that Hadoop wrote beside the file. */
  @Test
  void aDamagedFileIsThatOfTheInput() throws IOException {
    String in = write(List.of(row(7, boxed(sequence(1)))), FLOATS);
    Path part = Path.of(partFile(in).substring("file://".length()));
    byte[] bytes = Files.readAllBytes(part);
    bytes[20] ^= 1;
    Files.write(part, bytes);
    Result result = recall(command(in));
    assertThat(result.exitCode()).isEqualTo(1);
    assertThat(result.err())
        .startsWith("failed: file:" + in + ", read as parquet: cannot be read: Checksum error: ");
  }

  @Test
  void aFileOfAnotherFormatIsRefused() throws IOException {
    Path file = folder.resolve("rows.parquet");
    Files.writeString(file, "id,sequence\n1,[1]\n");
    Result result = recall(command(file.toString()));
    assertThat(result.exitCode()).isEqualTo(2);
    assertThat(result.err())
        .startsWith("file:" + file + ", read as parquet: ")
        .contains("is not a Parquet file");
  }

  @Test
  void aPipelineWithAStageIsSavedMovedAndLoaded() throws IOException {
    SQLTransformer halves =
        new SQLTransformer()
            .setStatement("SELECT *, transform(sequence, x -> x / 2) AS halves FROM __THIS__");
    RecallModel stage =
        new RecallModel(model).setInputCol("halves").setOutputCol("memory").setLastSteps(2);
    PipelineModel pipeline =
        new Pipeline().setStages(new PipelineStage[] {halves, stage}).fit(data());
    List<Row> rows = pipeline.transform(data()).collectAsList();
    assertThat(rows.get(0).getList(4)).hasSize(2);

    Path saved = folder.resolve("pipeline");
    pipeline.write().save(saved.toString());
    Path moved = folder.resolve("moved");
    Files.move(saved, moved);
    PipelineModel loaded = PipelineModel.load(moved.toString());
    assertThat(loaded.transform(data()).collectAsList()).isEqualTo(rows);
    RecallModel again = (RecallModel) loaded.stages()[1];
    assertThat(again.uid()).isEqualTo(stage.uid());
    assertThat(again.model().sha256()).isEqualTo(model.sha256());
    assertThat(again.model().origin()).isEqualTo(model.origin());
    assertThat(again.model().spec()).isEqualTo(model.spec());
  }

  @Test
  void theExampleInReadmeRuns() throws IOException {
    String run = shared("run");
    String folder = this.folder.resolve("example").toString();
    Dataset<Row> rows = data();
    // README.md, pipeline
    RecallModel memory = RecallModel.ofRun(run).setInputCol("sequence").setLastSteps(3);
    PipelineModel pipeline = new Pipeline().setStages(new PipelineStage[] {memory}).fit(rows);
    pipeline.write().save(folder);
    Dataset<Row> predictions = PipelineModel.load(folder).transform(rows);
    // end
    assertPredicted(predictions, 3);
  }

  @Test
  void aVectorOfAnAssemblerIsASequence() {
    Dataset<Row> columns =
        data()
            .where("size(sequence) = 6")
            .selectExpr(
                "*",
                "sequence[0] as a",
                "sequence[1] as b",
                "sequence[2] as c",
                "sequence[3] as d",
                "sequence[4] as e",
                "sequence[5] as f");
    VectorAssembler assembler =
        new VectorAssembler()
            .setInputCols(new String[] {"a", "b", "c", "d", "e", "f"})
            .setOutputCol("vector");
    RecallModel stage = new RecallModel(model).setInputCol("vector");
    PipelineModel pipeline =
        new Pipeline().setStages(new PipelineStage[] {assembler, stage}).fit(columns);
    List<Row> rows = pipeline.transform(columns).select("id", "prediction").collectAsList();
    assertThat(rows).hasSizeGreaterThan(100);
    for (Row row : rows) {
      assertThat(row.<Float>getList(1))
          .containsExactly(boxed(expected(sequence((int) row.getLong(0)), 6)));
    }
  }

  @Test
  void aSavedModelWithAnotherByteIsRefused() throws IOException {
    Path saved = folder.resolve("stage");
    new RecallModel(model).write().save(saved.toString());
    assertThat(RecallModel.load(saved.toString()).model().sha256()).isEqualTo(model.sha256());
    Path file = saved.resolve("model.safetensors");
    byte[] bytes = Files.readAllBytes(file);
    bytes[bytes.length - 1] ^= 1;
    Files.write(file, bytes);
    assertThatThrownBy(() -> RecallModel.load(saved.toString()))
        .isInstanceOf(UserError.class)
        .hasMessageContaining(
            "model.safetensors: not a whole safetensors file: expected values with");
    Files.copy(
        RunFiles.newestCheckpoint(shared.resolve("run")),
        file,
        StandardCopyOption.REPLACE_EXISTING);
    assertThatThrownBy(() -> RecallModel.load(saved.toString()))
        .isInstanceOf(UserError.class)
        .hasMessageEndingWith(
            "not a model of Recall: expected metadata recall_model, found nothing");
  }

  @Test
  void paramsOfAStageAreChecked() {
    assertThatThrownBy(() -> new RecallModel(model).setLastSteps(-1).transform(data()))
        .hasMessage("lastSteps: expected at least 0, found -1");
    assertThatThrownBy(
            () -> {
              RecallModel stage = new RecallModel(model);
              stage.set("onBad", "skip");
              stage.transform(data());
            })
        .hasMessage("onBad: expected one of [fail, null], found skip");
  }
}
