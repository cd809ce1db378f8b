package dev.recall.job.store.crash;

import static org.assertj.core.api.Assertions.assertThat;

import dev.recall.job.Commands;
import dev.recall.job.config.Configs;
import dev.recall.job.store.Storage;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.apache.spark.sql.SparkSession;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Models that go to an object store and come from there, and rows that are scored there. */
@Tag("cluster")
@Tag("long")
class ObjectStorePredictTest {

  private static final String ROWS =
      IntStream.range(0, 40)
          .mapToObj(i -> "{\"id\":%d,\"sequence\":[%d,0.5,-1]}%n".formatted(i, i % 7))
          .collect(Collectors.joining());

  @TempDir private Path folder;

  private static void recall(String... args) {
    Commands.Result result = Commands.recall(args);
    assertThat(result.exitCode()).as(result.err()).isZero();
  }

  @Test
  void predictExportAndStartFromAnExportAsOnADisk() throws Exception {
    Path disk = Files.createDirectory(folder.resolve("disk"));
    try (ObjectStore store = new ObjectStore(folder);
        Place.Reached reached = store.place().reach();
        SparkSession spark =
            SparkSession.builder()
                .master("local[2]")
                .config("spark.ui.enabled", "false")
                .getOrCreate()) {
      assertThat(reached).isNotNull();
      Storage objects = new Storage(store.place().plain());
      everything(store.place().uri(), store.place().plain());
      everything(disk.toString(), Map.of());
      for (String file : List.of("model.onnx", "model.safetensors", "model.zip")) {
        assertThat(objects.read(store.place().uri() + "/" + file))
            .as(file)
            .isEqualTo(Files.readAllBytes(disk.resolve(file)));
      }
      for (String out : List.of("json", "parquet")) {
        assertThat(rows(spark, store.place().uri() + "/" + out, out))
            .hasSize(40)
            .isEqualTo(rows(spark, disk + "/" + out, out));
      }
    }
  }

  private static List<String> rows(SparkSession spark, String path, String format) {
    return spark.read().format(format).load(path).orderBy("id").toJSON().collectAsList();
  }

  /** All that reads and writes models and rows; what is written twice is written over. */
  private static void everything(String root, Map<String, String> settings) throws Exception {
    Storage storage = new Storage(settings);
    String run = root + "/run";
    String in = root + "/in.jsonl";
    Commands.Result trained =
        Commands.recall(
            Commands.with(
                Configs.smallWith("stop.rounds=3"), "train", "--without-spark", "--run", run));
    assertThat(trained.exitCode()).as(trained.err()).isZero();
    storage.write(in, ROWS.getBytes(StandardCharsets.UTF_8));
    for (String more : List.of("--last=2", "--overwrite")) {
      recall(
          "predict",
          "--run",
          run,
          "--in",
          in,
          "--input-format",
          "json",
          "--format",
          "json",
          "--out",
          root + "/json",
          more);
    }
    recall(
        "predict",
        "--run",
        run,
        "--in",
        root + "/json",
        "--input-format",
        "json",
        "--prediction-column",
        "again",
        "--out",
        root + "/parquet");
    recall("export", run, "--format", "onnx", "--out", root + "/model.onnx");
    recall("export", run, "--format", "dl4j", "--out", root + "/model.zip");
    recall("export", run, "--format", "safetensors", "--out", root + "/model.safetensors");
    Commands.Result started =
        Commands.recall(
            Commands.with(
                Configs.smallWith("stop.rounds=1"),
                "train",
                "--without-spark",
                "--from",
                root + "/model.safetensors",
                "--run",
                root + "/started"));
    assertThat(started.exitCode()).as(started.err()).isZero();
    assertThat(new RunFigures(settings).unfinished(root)).isEmpty();
  }
}
