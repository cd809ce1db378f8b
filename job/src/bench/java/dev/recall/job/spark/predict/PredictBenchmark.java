package dev.recall.job.spark.predict;

import dev.recall.model.Predictor;
import dev.recall.model.RegressorSpec;
import dev.recall.model.TheanetsInitializer;
import dev.recall.model.recurrent.Engines;
import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.Stream;
import org.apache.commons.io.FileUtils;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SaveMode;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataTypes;

/**
 * A million sequences of 20 steps through {@code predict} on local[2], beside the bare engine on
 * two threads and beside the parts of which predict consists, all in one JVM and in turns.
 */
public final class PredictBenchmark {

  private static final int STEPS = 20;
  private static final int CORES = 2;
  private static final int BATCH = 256;
  private static final double NANOS = 1e9;

  private PredictBenchmark() {}

  /** A thing that is timed. */
  private interface Work {
    void run() throws Exception;
  }

  /**
   * Prints the median seconds of each.
   *
   * @param rows sequences
   * @param turns of each, the first two of which do not count
   * @param units of the LSTM layer
   */
  public static void run(int rows, int turns, int units) throws IOException {
    Path folder = Files.createTempDirectory("recall-predict");
    RegressorSpec spec = RegressorSpec.parse("[1, (lstm, " + units + "), 1]", true);
    float[] parameters = new TheanetsInitializer().initialize(spec, 1);
    ScoredModel model = new ScoredModel("benchmark", 0, spec, parameters);
    try (SparkSession spark =
        SparkSession.builder()
            .master("local[" + CORES + "]")
            .appName("recall predict")
            .config("spark.ui.enabled", "false")
            .getOrCreate()) {
      String in = folder.resolve("in").toString();
      make(spark, rows, in);
      Path out = folder.resolve("out");
      measure(works(spark, model, in, out.toString(), rows), out.toFile(), turns, rows);
    } finally {
      delete(folder);
    }
  }

  private static Map<String, Work> works(
      SparkSession spark, ScoredModel model, String in, String out, int rows) {
    Map<String, Work> works = new LinkedHashMap<>();
    works.put("engine, " + CORES + " threads", () -> engine(model, rows));
    int all = Integer.MAX_VALUE;
    works.put("predict", () -> predict(model, in, out, all, false));
    works.put("predict --drop-sequences", () -> predict(model, in, out, all, true));
    works.put("predict --drop-sequences --last 3", () -> predict(model, in, out, 3, true));
    works.put("read and score", () -> nowhere(score(model, spark.read().parquet(in))));
    works.put(
        "read and score, through rows",
        () -> nowhere(score(model, spark.read().parquet(in).where("id >= 0"))));
    works.put("read", () -> nowhere(spark.read().parquet(in)));
    works.put("predict, Spark's writer", () -> write(score(model, spark.read().parquet(in)), out));
    works.put("read and write", () -> write(spark.read().parquet(in), out));
    works.put("predict by rows of objects", () -> write(byRows(spark, model, in), out));
    return works;
  }

  private static void make(SparkSession spark, int rows, String path) {
    spark
        .range(0, rows, 1, CORES)
        .mapPartitions(
            (MapPartitionsFunction<Long, Row>)
                ids -> {
                  List<Row> made = new ArrayList<>();
                  while (ids.hasNext()) {
                    long id = ids.next();
                    Random random = new Random(id);
                    Float[] sequence = new Float[STEPS];
                    Arrays.setAll(sequence, t -> (float) random.nextGaussian());
                    made.add(RowFactory.create(id, sequence));
                  }
                  return made.iterator();
                },
            Encoders.row(
                DataTypes.createStructType(
                    List.of(
                        DataTypes.createStructField("id", DataTypes.LongType, false),
                        DataTypes.createStructField(
                            "sequence", DataTypes.createArrayType(DataTypes.FloatType), true)))))
        .write()
        .parquet(path);
  }

  /** Batches that are there, so nothing but the forward pass. */
  private static void engine(ScoredModel model, int rows) throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(CORES);
    try {
      Callable<Float> half =
          () -> {
            Predictor predictor = Engines.create(model.spec());
            float[] inputs = new float[STEPS * BATCH];
            float[] outputs = new float[STEPS * BATCH];
            Random random = new Random(1);
            for (int i = 0; i < inputs.length; i++) {
              inputs[i] = (float) random.nextGaussian();
            }
            for (int done = 0; done < rows / CORES; done += BATCH) {
              predictor.predict(model.parameters(), inputs, STEPS, BATCH, outputs);
            }
            return outputs[0];
          };
      for (var result : threads.invokeAll(List.of(half, half))) {
        result.get();
      }
    } finally {
      threads.shutdown();
    }
  }

  private static void predict(
      ScoredModel model, String in, String out, int last, boolean dropSequences) {
    BatchScoring scoring =
        new BatchScoring(
            model,
            new BatchScoring.Files(in, DataFormat.PARQUET, Map.of()),
            new BatchScoring.Files(out, DataFormat.PARQUET, Map.of()),
            out,
            "sequence",
            "prediction",
            last,
            OnBad.FAIL,
            dropSequences);
    try (ScoringSession session = ScoringSession.start("recall predict")) {
      scoring.run(session);
    }
  }

  private static Dataset<Row> score(ScoredModel model, Dataset<Row> rows) {
    Scoring scoring =
        new Scoring(
            model,
            "sequence",
            "prediction",
            Integer.MAX_VALUE,
            OnBad.FAIL,
            false,
            new Scoring.Options("inputCol", "outputCol"));
    return scoring.apply(rows, Scoring.Counts.of(rows.sparkSession()));
  }

  /** The public interface of Spark, with an object for each number. */
  private static Dataset<Row> byRows(SparkSession spark, ScoredModel model, String in) {
    Dataset<Row> rows = spark.read().parquet(in);
    RegressorSpec spec = model.spec();
    float[] parameters = model.parameters();
    return rows.mapPartitions(
        (MapPartitionsFunction<Row, Row>)
            partition -> {
              Predictor predictor = Engines.create(spec);
              float[] inputs = new float[STEPS * BATCH];
              float[] outputs = new float[STEPS * BATCH];
              List<Row> batch = new ArrayList<>();
              return Stream.iterate(0, i -> partition.hasNext(), i -> i + 1)
                  .flatMap(
                      i -> {
                        batch.clear();
                        while (partition.hasNext() && batch.size() < BATCH) {
                          batch.add(partition.next());
                        }
                        for (int b = 0; b < batch.size(); b++) {
                          List<Float> sequence = batch.get(b).getList(1);
                          for (int t = 0; t < STEPS; t++) {
                            inputs[t * BATCH + b] = sequence.get(t);
                          }
                        }
                        predictor.predict(parameters, inputs, STEPS, BATCH, outputs);
                        List<Row> scored = new ArrayList<>();
                        for (int b = 0; b < batch.size(); b++) {
                          Float[] values = new Float[STEPS];
                          for (int t = 0; t < STEPS; t++) {
                            values[t] = outputs[t * BATCH + b];
                          }
                          Row row = batch.get(b);
                          scored.add(RowFactory.create(row.get(0), row.get(1), values));
                        }
                        return scored.stream();
                      })
                  .iterator();
            },
        Encoders.row(rows.schema().add("prediction", new ArrayType(DataTypes.FloatType, false))));
  }

  private static void write(Dataset<Row> rows, String out) {
    rows.write().option("parquet.enable.dictionary#prediction.list.element", "false").parquet(out);
  }

  private static void nowhere(Dataset<Row> rows) {
    rows.write().format("noop").mode(SaveMode.Overwrite).save();
  }

  private static void measure(Map<String, Work> works, File out, int turns, int rows) {
    Map<String, double[]> seconds = new LinkedHashMap<>();
    works.keySet().forEach(name -> seconds.put(name, new double[turns]));
    for (int turn = 0; turn < turns; turn++) {
      for (Map.Entry<String, Work> work : works.entrySet()) {
        FileUtils.deleteQuietly(out); // of the work before
        long start = System.nanoTime();
        try {
          work.getValue().run();
        } catch (Exception e) {
          throw new IllegalStateException(work.getKey(), e);
        }
        seconds.get(work.getKey())[turn] = (System.nanoTime() - start) / NANOS;
      }
    }
    double engine = median(seconds.values().iterator().next());
    System.out.printf(
        Locale.ROOT,
        "%-36s %8s %8s %8s %12s %8s%n",
        "",
        "first s",
        "median s",
        "least s",
        "sequences/s",
        "ratio");
    seconds.forEach(
        (name, its) ->
            System.out.printf(
                Locale.ROOT,
                "%-36s %8.2f %8.2f %8.2f %12.0f %8.2f%n",
                name,
                its[0],
                median(its),
                Arrays.stream(its).min().orElseThrow(),
                rows / median(its),
                engine / median(its)));
  }

  private static double median(double[] turns) {
    double[] later = Arrays.copyOfRange(turns, Math.min(2, turns.length - 1), turns.length);
    Arrays.sort(later);
    return later[later.length / 2];
  }

  private static void delete(Path folder) {
    try (Stream<Path> paths = Files.walk(folder)) {
      for (Path path : (Iterable<Path>) paths.sorted(Comparator.reverseOrder())::iterator) {
        Files.delete(path);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
