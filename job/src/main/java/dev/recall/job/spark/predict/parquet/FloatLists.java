package dev.recall.job.spark.predict.parquet;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.mapreduce.Job;
import org.apache.hadoop.mapreduce.TaskAttemptContext;
import org.apache.parquet.column.ParquetProperties.WriterVersion;
import org.apache.parquet.hadoop.ParquetOutputFormat;
import org.apache.spark.sql.SparkSession;
import org.apache.spark.sql.execution.datasources.OutputWriter;
import org.apache.spark.sql.execution.datasources.OutputWriterFactory;
import org.apache.spark.sql.execution.datasources.parquet.ParquetFileFormat;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;

/**
 * Spark's Parquet files, with a shorter way for columns of type array of float.
 *
 * <p>Note to the maintainer. Spark's writer makes about ten calls for each element of a list, which
 * takes longer than the network (docs/benchmarks.md). Here levels are written by the list and
 * values in bulk; schema, metadata and all other columns stay with Spark's writer. Where there are
 * no such columns, or settings of Parquet that this does not know, Spark writes everything.
 */
public final class FloatLists extends ParquetFileFormat {

  private static final long serialVersionUID = 1L;

  private static final String DICTIONARY = ParquetOutputFormat.ENABLE_DICTIONARY + "#";

  /** Settings that Spark makes itself, and those that are heeded here. */
  private static final Set<String> KNOWN =
      Set.of(
          ParquetOutputFormat.COMPRESSION,
          ParquetOutputFormat.WRITE_SUPPORT_CLASS,
          ParquetOutputFormat.JOB_SUMMARY_LEVEL,
          ParquetOutputFormat.WRITER_VERSION,
          ParquetOutputFormat.BLOCK_SIZE,
          ParquetOutputFormat.PAGE_SIZE);

  @Override
  public OutputWriterFactory prepareWrite(
      SparkSession spark,
      Job job,
      scala.collection.immutable.Map<String, String> options,
      StructType schema) {
    OutputWriterFactory sparks = super.prepareWrite(spark, job, options, schema);
    List<Integer> ordinals = ordinals(schema);
    return ordinals.isEmpty() || !isKnown(job.getConfiguration(), schema, ordinals)
        ? sparks
        : new Factory(sparks);
  }

  /** Columns of lists of floats. */
  static List<Integer> ordinals(StructType schema) {
    List<Integer> ordinals = new ArrayList<>();
    for (int i = 0; i < schema.size(); i++) {
      if (schema.apply(i).dataType() instanceof ArrayType array
          && array.elementType().equals(DataTypes.FloatType)) {
        ordinals.add(i);
      }
    }
    return ordinals;
  }

  private static boolean isKnown(
      Configuration settings, StructType schema, List<Integer> ordinals) {
    for (Map.Entry<String, String> setting : settings) {
      String key = setting.getKey();
      if (key.startsWith("parquet.")
          && !KNOWN.contains(key)
          && ordinals.stream().noneMatch(i -> key.equals(dictionary(schema.apply(i).name())))) {
        return false;
      }
    }
    return ParquetOutputFormat.getWriterVersion(settings) == WriterVersion.PARQUET_1_0;
  }

  /** Whether there may be a dictionary for a list. */
  private static String dictionary(String column) {
    return DICTIONARY + column + ".list.element";
  }

  static boolean mayHaveDictionary(Configuration settings, String column) {
    return settings.getBoolean(dictionary(column), true);
  }

  /** Opens files on executors. */
  private static final class Factory extends OutputWriterFactory {

    private static final long serialVersionUID = 1L;

    private final OutputWriterFactory sparks;

    Factory(OutputWriterFactory sparks) {
      this.sparks = sparks;
    }

    @Override
    public String getFileExtension(TaskAttemptContext context) {
      return sparks.getFileExtension(context);
    }

    @Override
    public OutputWriter newInstance(String path, StructType schema, TaskAttemptContext context) {
      return new FloatListsFile(path, schema, context);
    }
  }
}
