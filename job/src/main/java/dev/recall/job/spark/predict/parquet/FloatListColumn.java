package dev.recall.job.spark.predict.parquet;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.BitSet;
import org.apache.parquet.bytes.BytesInput;
import org.apache.parquet.column.ColumnDescriptor;
import org.apache.parquet.column.Encoding;
import org.apache.parquet.column.ParquetProperties;
import org.apache.parquet.column.page.DictionaryPage;
import org.apache.parquet.column.page.PageWriter;
import org.apache.parquet.column.statistics.FloatStatistics;
import org.apache.parquet.column.statistics.Statistics;
import org.apache.parquet.column.values.ValuesWriter;
import org.apache.parquet.schema.Type.Repetition;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.util.ArrayData;

/**
 * A column of lists of floats in a row group.
 *
 * <p>Note to the maintainer. A page has three parts (Parquet's format, "Data Pages" and "Nested
 * Encoding"). Repetition levels are one bit per value, 0 where a row begins, in one bit-packed run.
 * Definition levels are run lengths. Values go through Parquet's own writer while it tries a
 * dictionary, that is for a page of each row group or as long as the dictionary pays, then in bulk.
 * That page is a small one: distinct floats take a microsecond each.
 */
final class FloatListColumn {

  /** Bytes of values after which a dictionary pays or not. */
  private static final int TRIED = 1 << 17;

  private final int ordinal;
  private final ColumnDescriptor column;
  private final PageWriter pages;
  private final int mostRows; // of a page
  private final int pageSize; // bytes of values
  private int mostBytes; // of this page
  private final boolean nullable; // elements
  private final int present; // definition level of an element
  private final int empty; // of an empty list

  private final BitSet repetitions = new BitSet(); // by value
  private final RunLengths definitions = new RunLengths();
  private final ValuesWriter tried;
  private boolean bulk; // whether values go to plain
  private byte[] bytes = {};
  private FloatBuffer plain = FloatBuffer.allocate(0); // values of the page, in bytes
  private FloatStatistics statistics;
  private int values; // of the page, with those that are null
  private int rows; // of the page

  FloatListColumn(
      int ordinal, ColumnDescriptor column, ParquetProperties properties, PageWriter pages) {
    this.ordinal = ordinal;
    this.column = column;
    this.pages = pages;
    mostRows = properties.getPageRowCountLimit();
    pageSize = properties.getPageSizeThreshold();
    mostBytes = Math.min(pageSize, TRIED);
    nullable = column.getPrimitiveType().isRepetition(Repetition.OPTIONAL);
    present = column.getMaxDefinitionLevel();
    empty = present - (nullable ? 2 : 1);
    tried = properties.newValuesWriter(column);
    bulk = !properties.isDictionaryEnabled(column);
    begin();
  }

  private void begin() {
    statistics = (FloatStatistics) Statistics.createStats(column.getPrimitiveType());
    repetitions.clear();
    values = 0;
    rows = 0;
    plain.clear();
  }

  void add(InternalRow row) throws IOException {
    if (row.isNullAt(ordinal)) {
      without(empty - 1);
    } else {
      add(row.getArray(ordinal));
    }
    rows++;
    if (rows == mostRows || size() >= mostBytes) {
      endPage();
    }
  }

  /** A list that has no elements, or is none. */
  private void without(int level) throws IOException {
    definitions.add(level, 1);
    statistics.incrementNumNulls();
    values++;
  }

  private void add(ArrayData list) throws IOException {
    int count = list.numElements();
    if (count == 0) {
      without(empty);
      return;
    }
    repetitions.set(values + 1, values + count);
    values += count;
    if (nullable && hasNull(list, count)) {
      addSome(list, count);
    } else {
      definitions.add(present, count);
      add(list.toFloatArray(), count);
    }
  }

  private static boolean hasNull(ArrayData list, int count) {
    for (int i = 0; i < count; i++) {
      if (list.isNullAt(i)) {
        return true;
      }
    }
    return false;
  }

  private void addSome(ArrayData list, int count) throws IOException {
    float[] those = new float[count];
    int used = 0;
    for (int i = 0; i < count; i++) {
      boolean there = !list.isNullAt(i);
      definitions.add(there ? present : present - 1, 1);
      if (there) {
        those[used++] = list.getFloat(i);
      }
    }
    statistics.incrementNumNulls(count - used);
    add(those, used);
  }

  private void add(float[] list, int count) {
    if (count == 0) {
      return;
    }
    float least = list[0];
    float most = list[0];
    for (int i = 1; i < count; i++) {
      float value = list[i];
      if (!(value >= least && value <= most)) { // or one of them is NaN
        least = Math.min(least, value);
        most = Math.max(most, value);
      }
    }
    statistics.updateStats(least);
    statistics.updateStats(most);
    if (bulk) {
      addBulk(list, count);
    } else {
      for (int i = 0; i < count; i++) {
        tried.writeFloat(list[i]);
      }
    }
  }

  private void addBulk(float[] list, int count) {
    if (plain.remaining() < count) {
      FloatBuffer larger = floats(plain.position() + count + pageSize / Float.BYTES);
      plain = larger.put(plain.flip());
    }
    plain.put(list, 0, count);
  }

  private FloatBuffer floats(int count) {
    bytes = new byte[count * Float.BYTES];
    return ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer();
  }

  private long size() {
    return bulk ? (long) plain.position() * Float.BYTES : tried.getBufferedSize();
  }

  /** In memory. */
  long bytes() {
    return pages.getMemSize() + size();
  }

  private void endPage() throws IOException {
    BytesInput encoded = bulk ? BytesInput.from(bytes, 0, (int) size()) : tried.getBytes();
    Encoding encoding = bulk ? Encoding.PLAIN : tried.getEncoding(); // known after the bytes
    pages.writePage(
        BytesInput.concat(repetitions(), definitions.take(), encoded),
        values,
        rows,
        statistics,
        Encoding.RLE,
        Encoding.RLE,
        encoding);
    bulk = encoding == Encoding.PLAIN;
    tried.reset();
    mostBytes = pageSize;
    begin();
  }

  private BytesInput repetitions() {
    int groups = (values + 7) / 8;
    BytesInput run =
        BytesInput.concat(
            BytesInput.fromUnsignedVarInt(groups << 1 | 1),
            BytesInput.from(Arrays.copyOf(repetitions.toByteArray(), groups)));
    return BytesInput.concat(BytesInput.fromInt((int) run.size()), run);
  }

  /** Ends the column; its row group is complete. */
  void close() throws IOException {
    if (rows > 0) {
      endPage();
    }
    DictionaryPage dictionary = tried.toDictPageAndClose();
    if (dictionary != null) {
      pages.writeDictionaryPage(dictionary);
    }
    tried.close();
  }
}
