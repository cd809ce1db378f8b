package dev.recall.job.spark.predict.parquet;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.apache.hadoop.conf.Configuration;
import org.apache.parquet.column.ColumnDescriptor;
import org.apache.parquet.column.ColumnWriteStore;
import org.apache.parquet.column.ParquetProperties;
import org.apache.parquet.hadoop.CodecFactory;
import org.apache.parquet.hadoop.ColumnChunkPageWriteStore;
import org.apache.parquet.hadoop.ParquetFileWriter;
import org.apache.parquet.hadoop.metadata.CompressionCodecName;
import org.apache.parquet.io.ColumnIOFactory;
import org.apache.parquet.io.api.RecordConsumer;
import org.apache.parquet.schema.MessageType;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.ProjectingInternalRow;
import org.apache.spark.sql.execution.datasources.parquet.ParquetWriteSupport;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import scala.collection.JavaConverters;

/**
 * Rows of a file that are in memory: pages of lists of floats, and Spark's own writer of the rest.
 */
final class RowGroup {

  /**
   * What the row groups of a file have in common.
   *
   * @param rows type of the rows
   * @param file the same in Parquet's terms
   * @param settings of the job
   * @param properties sizes and encodings
   * @param codecs of pages
   * @param codec the one in use
   */
  record Plan(
      StructType rows,
      MessageType file,
      Configuration settings,
      ParquetProperties properties,
      CodecFactory codecs,
      CompressionCodecName codec) {}

  private final ColumnChunkPageWriteStore pages;
  private final List<FloatListColumn> lists = new ArrayList<>();
  private final ProjectingInternalRow others;
  private final ParquetWriteSupport support = new ParquetWriteSupport();
  private final ColumnWriteStore columns; // the others
  private final RecordConsumer consumer;
  private long rows;

  RowGroup(Plan plan) {
    ParquetProperties properties = plan.properties;
    pages =
        new ColumnChunkPageWriteStore(
            plan.codecs.getCompressor(plan.codec),
            plan.file,
            properties.getAllocator(),
            properties.getColumnIndexTruncateLength(),
            properties.getPageWriteChecksumEnabled());
    List<Integer> ordinals = FloatLists.ordinals(plan.rows);
    StructType rest = new StructType();
    List<Object> restOrdinals = new ArrayList<>();
    for (int i = 0; i < plan.rows.size(); i++) {
      if (ordinals.contains(i)) {
        ColumnDescriptor column = column(plan.file, plan.rows.apply(i));
        lists.add(new FloatListColumn(i, column, properties, pages.getPageWriter(column)));
      } else {
        rest = rest.add(plan.rows.apply(i));
        restOrdinals.add(i);
      }
    }
    others =
        new ProjectingInternalRow(rest, JavaConverters.asScalaBuffer(restOrdinals).toIndexedSeq());
    Configuration settings = new Configuration(plan.settings);
    ParquetWriteSupport.setSchema(rest, settings);
    MessageType schema = support.init(settings).getSchema();
    columns = properties.newColumnWriteStore(schema, pages, pages);
    consumer = new ColumnIOFactory().getColumnIO(schema).getRecordWriter(columns);
    support.prepareForWrite(consumer);
  }

  private static ColumnDescriptor column(MessageType file, StructField field) {
    return file.getColumns().stream()
        .filter(column -> column.getPath()[0].equals(field.name()))
        .findFirst()
        .orElseThrow();
  }

  void add(InternalRow row) throws IOException {
    for (int i = 0; i < lists.size(); i++) {
      lists.get(i).add(row);
    }
    if (others.numFields() > 0) {
      others.project(row);
      support.write(others);
    }
    rows++;
  }

  long rows() {
    return rows;
  }

  /** In memory, compressed where a page is complete. */
  long bytes() {
    return columns.getBufferedSize() + lists.stream().mapToLong(FloatListColumn::bytes).sum();
  }

  void writeTo(ParquetFileWriter file) throws IOException {
    if (rows > 0) {
      file.startBlock(rows);
      for (FloatListColumn list : lists) {
        list.close();
      }
      consumer.flush();
      columns.flush();
      pages.flushToFileWriter(file);
      file.endBlock();
    }
    columns.close();
  }
}
