package dev.recall.job.spark.predict;

import java.util.Arrays;
import java.util.Iterator;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.UnsafeRow;

/** Copies of rows, each of which is valid until the next one. */
final class CopiedRows implements Window {

  /** Bytes of rows, from which on a window is full. */
  private static final long MOST_BYTES = 16L << 20;

  private final Iterator<InternalRow> source;
  private final InternalRow[] rows = new InternalRow[MOST];
  private int count;
  private long bytes;

  CopiedRows(Iterator<InternalRow> source) {
    this.source = source;
  }

  @Override
  public boolean hasNext() {
    return source.hasNext();
  }

  @Override
  public void clear() {
    Arrays.fill(rows, 0, count, null);
    count = 0;
    bytes = 0;
  }

  @Override
  public boolean hasRoom() {
    return count < MOST && bytes < MOST_BYTES && source.hasNext();
  }

  @Override
  public InternalRow add() {
    InternalRow row = source.next().copy();
    bytes += row instanceof UnsafeRow unsafe ? unsafe.getSizeInBytes() : 0;
    rows[count++] = row;
    return row;
  }

  @Override
  public InternalRow get(int index) {
    return rows[index];
  }
}
