package dev.recall.job.spark.predict.parquet;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Percentage.withPercentage;

import dev.recall.job.RunFiles;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.Timestamp;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Collectors;
import org.apache.hadoop.conf.Configuration;
import org.apache.parquet.column.Encoding;
import org.apache.parquet.hadoop.ParquetFileReader;
import org.apache.parquet.hadoop.metadata.BlockMetaData;
import org.apache.parquet.hadoop.metadata.ColumnChunkMetaData;
import org.apache.parquet.hadoop.metadata.ColumnPath;
import org.apache.parquet.hadoop.metadata.FileMetaData;
import org.apache.parquet.hadoop.metadata.ParquetMetadata;
import org.apache.parquet.hadoop.util.HadoopInputFile;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Files are those of Spark's own writer, read by Spark and by Parquet's own reader. */
@Tag("cluster")
class FloatListsTest {

  private static final int ROWS = 2500;
  private static final float[] ODD = {Float.NaN, 0f, -0f, Float.POSITIVE_INFINITY, 1e-45f, 1e-30f};
  private static final StructType ALL =
      new StructType()
          .add("id", DataTypes.LongType, false)
          .add("lists", "array<float>")
          .add("name", DataTypes.StringType)
          .add("numbers", "map<string,double>")
          .add("whole", DataTypes.createArrayType(DataTypes.FloatType, false), false)
          .add("few", "array<float>")
          .add("rows", "array<array<float>>")
          .add("doubles", "array<double>")
          .add("at", DataTypes.TimestampType)
          .add("price", "decimal(20,3)")
          .add("inner", "struct<a:int,list:array<float>>")
          .add("nothing", "array<float>");

  private static SparkSession spark;
  private static Dataset<Row> data;

  @TempDir private Path folder;

  @BeforeAll
  static void start() {
    spark =
        SparkSession.builder()
            .master("local[2]")
            .config("spark.ui.enabled", "false")
            .config("spark.sql.session.timeZone", "UTC")
            .config("spark.sql.codegen.wholeStage", "false") // quicker for few rows
            .getOrCreate();
    data = made().cache();
  }

  @AfterAll
  static void stop() {
    spark.stop();
  }

  private static Dataset<Row> made() {
    List<Row> rows = new ArrayList<>();
    Random random = new Random(1);
    for (int id = 0; id < ROWS; id++) {
      rows.add(
          RowFactory.create(
              (long) id,
              random.nextInt(9) == 0 ? null : list(random, 12),
              id % 5 == 0 ? null : "name " + id % 7,
              Map.of("a", random.nextDouble()),
              plain(random),
              few(random),
              id % 3 == 0 ? null : new Float[][] {list(random, 3), null, {}},
              id % 4 == 0 ? null : new Double[] {random.nextDouble(), null},
              Timestamp.from(Instant.ofEpochMilli(random.nextInt())),
              new BigDecimal(random.nextInt()).movePointLeft(3),
              RowFactory.create(id, list(random, 2)),
              null));
    }
    return spark.createDataFrame(rows, ALL).coalesce(1);
  }

  private static Float[] list(Random random, int longest) {
    Float[] list = new Float[random.nextInt(longest)];
    for (int i = 0; i < list.length; i++) {
      list[i] = (float) random.nextGaussian();
      list[i] = random.nextInt(50) == 0 ? ODD[random.nextInt(ODD.length)] : list[i];
      list[i] = random.nextInt(5) == 0 ? null : list[i];
    }
    return list;
  }

  private static Float[] plain(Random random) {
    Float[] list = new Float[random.nextInt(40)];
    Arrays.setAll(list, i -> (float) random.nextGaussian());
    return list;
  }

  /** Of five numbers: a dictionary pays. */
  private static Float[] few(Random random) {
    Float[] list = new Float[random.nextInt(30)];
    for (int i = 0; i < list.length; i++) {
      list[i] = random.nextInt(10) == 0 ? null : (float) random.nextInt(5);
    }
    return list;
  }

  private String write(Dataset<Row> rows, String format, Map<String, String> options) {
    String path = folder.resolve(format).toString();
    rows.write().format(format).options(options).save(path);
    return path;
  }

  private static ParquetMetadata footer(String path) throws IOException {
    Path file =
        RunFiles.names(Path.of(path)).stream()
            .filter(name -> name.startsWith("part-"))
            .map(name -> Path.of(path, name))
            .findFirst()
            .orElseThrow();
    HadoopInputFile input =
        HadoopInputFile.fromPath(new org.apache.hadoop.fs.Path(file.toUri()), new Configuration());
    try (ParquetFileReader reader = ParquetFileReader.open(input)) {
      return reader.getFooter();
    }
  }

  private static long size(String path) throws IOException {
    long size = 0;
    for (String name : RunFiles.names(Path.of(path))) {
      size += name.startsWith("part-") ? Files.size(Path.of(path, name)) : 0;
    }
    return size;
  }

  private static List<String> read(String path, String vectorized) {
    spark.conf().set("spark.sql.parquet.enableVectorizedReader", vectorized);
    try {
      return spark.read().parquet(path).toJSON().collectAsList();
    } finally {
      spark.conf().unset("spark.sql.parquet.enableVectorizedReader");
    }
  }

  private static Map<ColumnPath, ColumnChunkMetaData> columns(BlockMetaData block) {
    return block.getColumns().stream()
        .collect(Collectors.toMap(ColumnChunkMetaData::getPath, column -> column));
  }

  /** Same rows, schema and metadata; returns our footer. */
  private ParquetMetadata assertSame(Dataset<Row> rows, Map<String, String> options)
      throws IOException {
    String ours = write(rows, FloatLists.class.getName(), options);
    String sparks = write(rows, "parquet", options);
    List<String> expected = read(sparks, "true");
    assertThat(expected).hasSizeGreaterThan(1);
    assertThat(read(ours, "true")).isEqualTo(expected);
    assertThat(read(ours, "false")).isEqualTo(expected);
    FileMetaData mine = footer(ours).getFileMetaData();
    FileMetaData its = footer(sparks).getFileMetaData();
    assertThat(mine.getSchema()).isEqualTo(its.getSchema());
    assertThat(mine.getKeyValueMetaData()).isEqualTo(its.getKeyValueMetaData());
    assertThat(size(ours)).isCloseTo(size(sparks), withPercentage(10));
    return footer(ours);
  }

  @Test
  void rowsSchemaStatisticsAndEncodingsAreSparks() throws IOException {
    ParquetMetadata ours = assertSame(data, Map.of());
    ParquetMetadata sparks = footer(folder.resolve("parquet").toString());
    assertThat(ours.getBlocks()).hasSize(1);
    Map<ColumnPath, ColumnChunkMetaData> mine = columns(ours.getBlocks().get(0));
    Map<ColumnPath, ColumnChunkMetaData> its = columns(sparks.getBlocks().get(0));
    assertThat(mine.keySet()).isEqualTo(its.keySet());
    its.forEach(
        (path, column) -> {
          ColumnChunkMetaData same = mine.get(path);
          assertThat(same.getStatistics()).as("%s", path).isEqualTo(column.getStatistics());
          assertThat(same.getEncodings()).as("%s", path).isEqualTo(column.getEncodings());
          assertThat(same.getValueCount()).as("%s", path).isEqualTo(column.getValueCount());
          assertThat(same.getCodec()).as("%s", path).isEqualTo(column.getCodec());
        });
    assertThat(mine.get(ColumnPath.get("few", "list", "element")).getEncodings())
        .anyMatch(Encoding::usesDictionary);
    assertThat(mine.get(ColumnPath.get("whole", "list", "element")).getEncodings())
        .contains(Encoding.PLAIN);
  }

  /** Rows are found by the index of pages, which end elsewhere in every column. */
  @ParameterizedTest
  @ValueSource(strings = {"true", "false"})
  void pagesAndRowGroupsAreFoundByTheirIndex(String vectorized) throws IOException {
    Map<String, String> small = Map.of("parquet.page.size", "700", "parquet.block.size", "90000");
    String path = write(data, FloatLists.class.getName(), small);
    List<BlockMetaData> blocks = footer(path).getBlocks();
    assertThat(blocks).hasSizeGreaterThan(1);
    assertThat(blocks.stream().mapToLong(BlockMetaData::getRowCount).sum()).isEqualTo(ROWS);
    assertThat(read(path, vectorized)).isEqualTo(data.toJSON().collectAsList());
    spark.conf().set("spark.sql.parquet.enableVectorizedReader", vectorized);
    String some = "id between 1490 and 1520";
    List<String> found = spark.read().parquet(path).where(some).toJSON().collectAsList();
    spark.conf().unset("spark.sql.parquet.enableVectorizedReader");
    assertThat(found).isEqualTo(data.where(some).toJSON().collectAsList());
  }

  @Test
  void settingsAreHeeded() throws IOException {
    assertSame(
        data, Map.of("compression", "gzip", "parquet.enable.dictionary#few.list.element", "false"));
  }

  @Test
  void theLegacyFormatIsSparks() throws IOException {
    spark.conf().set("spark.sql.parquet.writeLegacyFormat", "true");
    try {
      assertSame(data, Map.of());
    } finally {
      spark.conf().unset("spark.sql.parquet.writeLegacyFormat");
    }
  }

  /** Data pages of the second version have other encodings. */
  @Test
  void sparkWritesWithSettingsThatAreNotKnown() throws IOException {
    ParquetMetadata ours = assertSame(data, Map.of("parquet.writer.version", "PARQUET_2_0"));
    assertThat(columns(ours.getBlocks().get(0)).get(ColumnPath.get("whole", "list", "element")))
        .extracting(ColumnChunkMetaData::getEncodings)
        .isEqualTo(
            columns(footer(folder.resolve("parquet").toString()).getBlocks().get(0))
                .get(ColumnPath.get("whole", "list", "element"))
                .getEncodings());
  }

  @ParameterizedTest
  @ValueSource(strings = {"nothing,id", "id"})
  void anyColumnsWillDo(String columns) throws IOException {
    assertSame(data.selectExpr(columns.split(",")), Map.of());
  }

  @Test
  void aFileWithoutRowsIsReadAsOne() {
    String path = write(data.where("id < 0"), FloatLists.class.getName(), Map.of());
    assertThat(spark.read().parquet(path).count()).isZero();
    assertThat(spark.read().parquet(path).columns()).isEqualTo(ALL.fieldNames());
  }

  @Test
  void aFileOfListsAloneIsReadBack() {
    String path = write(data.select("whole"), FloatLists.class.getName(), Map.of());
    assertThat(spark.read().parquet(path).toJSON().collectAsList())
        .isEqualTo(data.select("whole").toJSON().collectAsList());
  }
}
