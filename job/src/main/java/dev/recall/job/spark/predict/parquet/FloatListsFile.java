package dev.recall.job.spark.predict.parquet;

import java.io.IOException;
import java.io.UncheckedIOException;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.mapreduce.TaskAttemptContext;
import org.apache.parquet.column.ParquetProperties;
import org.apache.parquet.hadoop.CodecFactory;
import org.apache.parquet.hadoop.ParquetFileWriter;
import org.apache.parquet.hadoop.ParquetOutputFormat;
import org.apache.parquet.hadoop.ParquetWriter;
import org.apache.parquet.hadoop.api.WriteSupport.WriteContext;
import org.apache.parquet.hadoop.codec.CodecConfig;
import org.apache.parquet.hadoop.util.HadoopOutputFile;
import org.apache.spark.SparkEnv;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.execution.datasources.OutputWriter;
import org.apache.spark.sql.execution.datasources.parquet.ParquetWriteSupport;
import org.apache.spark.sql.types.StructType;

/** A Parquet file of a task. */
final class FloatListsFile extends OutputWriter {

  /** Rows between two looks at how much memory a row group takes. */
  private static final int LOOK = 1024;

  private final String path;
  private final CodecFactory codecs;
  private final ParquetFileWriter file;
  private final WriteContext context;
  private final RowGroup.Plan plan;
  private RowGroup group;
  private final long blockSize; // bytes of a row group
  private long mostBytes; // likewise, where blocks of the file system end before

  FloatListsFile(String path, StructType schema, TaskAttemptContext task) {
    this.path = path;
    Configuration settings = task.getConfiguration();
    context = new ParquetWriteSupport().init(settings);
    ParquetProperties properties = properties(settings, schema);
    blockSize = blockSize(settings);
    mostBytes = blockSize;
    codecs = new CodecFactory(settings, properties.getPageSizeThreshold());
    plan =
        new RowGroup.Plan(
            schema,
            context.getSchema(),
            settings,
            properties,
            codecs,
            CodecConfig.from(task).getCodec());
    try {
      file =
          new ParquetFileWriter(
              HadoopOutputFile.fromPath(new Path(path), settings),
              context.getSchema(),
              ParquetFileWriter.Mode.CREATE,
              blockSize,
              ParquetWriter.MAX_PADDING_SIZE_DEFAULT,
              properties.getColumnIndexTruncateLength(),
              properties.getStatisticsTruncateLength(),
              properties.getPageWriteChecksumEnabled());
      file.start();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    group = new RowGroup(plan);
  }

  /** As much as is set, if all tasks of the JVM can have it from half of its memory. */
  private static long blockSize(Configuration settings) {
    Runtime jvm = Runtime.getRuntime();
    int tasks = SparkEnv.get().conf().getInt("spark.executor.cores", jvm.availableProcessors());
    long share = jvm.maxMemory() / 2 / tasks;
    return Math.min(ParquetOutputFormat.getLongBlockSize(settings), share);
  }

  private static ParquetProperties properties(Configuration settings, StructType schema) {
    ParquetProperties.Builder properties = ParquetProperties.builder();
    properties.withPageSize(ParquetOutputFormat.getPageSize(settings));
    for (int ordinal : FloatLists.ordinals(schema)) {
      String column = schema.apply(ordinal).name();
      properties.withDictionaryEncoding(
          column + ".list.element", FloatLists.mayHaveDictionary(settings, column));
    }
    return properties.build();
  }

  @Override
  public void write(InternalRow row) {
    try {
      group.add(row);
      if (group.rows() % LOOK == 0 && group.bytes() >= mostBytes) {
        group.writeTo(file);
        mostBytes = Math.min(file.getNextRowGroupSize(), blockSize);
        group = new RowGroup(plan);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    try {
      group.writeTo(file);
      file.end(context.getExtraMetaData());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } finally {
      codecs.release();
    }
  }

  @Override
  public String path() {
    return path;
  }
}
