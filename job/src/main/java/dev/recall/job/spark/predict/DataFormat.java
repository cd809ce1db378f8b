package dev.recall.job.spark.predict;

import static org.apache.spark.sql.functions.col;
import static org.apache.spark.sql.functions.to_json;

import dev.recall.job.spark.predict.parquet.FloatLists;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.DataFrameReader;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.SaveMode;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.MapType;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/** How rows lie in files. */
public enum DataFormat {
  /** Parquet files. */
  PARQUET(Map.of(), "parquet"),
  /** One JSON object per line. */
  JSON(Map.of("mode", "FAILFAST"), "json", "jsonl", "ndjson"),
  /** Lines of text with the names of the columns in the first one of each file. */
  CSV(Map.of("mode", "FAILFAST", "header", "true"), "csv");

  private final Map<String, String> defaults;
  private final List<String> endings;

  DataFormat(Map<String, String> defaults, String... endings) {
    this.defaults = defaults;
    this.endings = List.of(endings);
  }

  /**
   * Finds a format by its name.
   *
   * @param text in lower case, as {@link #text} gives it
   * @return the format, or nothing
   */
  public static Optional<DataFormat> of(String text) {
    return Arrays.stream(values()).filter(format -> format.text().equals(text)).findFirst();
  }

  /**
   * Finds the format of files by their ending, that of a compression left out.
   *
   * @param path for example {@code rows.jsonl.gz}
   * @return the format, {@link #PARQUET} when the ending says nothing
   */
  public static DataFormat ofPath(String path) {
    String name = path.toLowerCase(Locale.ROOT).replaceFirst("\\.(gz|bz2|zst|lz4|snappy)$", "");
    return Arrays.stream(values())
        .filter(format -> format.endings.stream().anyMatch(end -> name.endsWith("." + end)))
        .findFirst()
        .orElse(PARQUET);
  }

  /**
   * Returns its name for users.
   *
   * @return in lower case
   */
  public String text() {
    return name().toLowerCase(Locale.ROOT);
  }

  /**
   * Lists the formats.
   *
   * @return names for users
   */
  public static List<String> texts() {
    return Arrays.stream(values()).map(DataFormat::text).toList();
  }

  Dataset<Row> read(SparkSession spark, String path, Map<String, String> options) {
    DataFrameReader reader = spark.read().format(text()).options(defaults);
    return reader.options(options).load(path);
  }

  void write(Dataset<Row> rows, String path, Map<String, String> options) {
    Dataset<Row> written = this == CSV ? asText(rows) : rows;
    // Without it a null prediction would be a row without the field.
    Map<String, String> own = this == JSON ? Map.of("ignoreNullFields", "false") : Map.of();
    written
        .write()
        .format(this == PARQUET ? FloatLists.class.getName() : text())
        .options(this == CSV ? Map.of("header", "true") : own)
        .options(options)
        .mode(SaveMode.ErrorIfExists)
        .save(path);
  }

  /** What a cell of CSV cannot hold becomes JSON. */
  private static Dataset<Row> asText(Dataset<Row> rows) {
    Column[] columns =
        Arrays.stream(rows.schema().fields()).map(DataFormat::cell).toArray(Column[]::new);
    return rows.select(columns);
  }

  private static Column cell(StructField field) {
    Column column = col("`" + field.name().replace("`", "``") + "`");
    boolean nested =
        field.dataType() instanceof ArrayType
            || field.dataType() instanceof MapType
            || field.dataType() instanceof StructType;
    return nested ? to_json(column).as(field.name()) : column;
  }
}
