package dev.recall.job.spark.predict;

import java.util.Iterator;

/**
 * What a task is given, rows or batches of them. What fails while they are made is marked: in the
 * end a job has one failure, whether it reads or writes.
 *
 * @param rows of one partition
 */
record InputRows<T>(Iterator<T> rows) implements Iterator<T> {

  /** The cause is what happened before the network. */
  static final class Failed extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Failed(Exception cause) {
      super("the input failed", cause, false, false);
    }
  }

  @Override
  public boolean hasNext() {
    try {
      return rows.hasNext();
    } catch (Exception e) { // Scala's are not declared
      throw new Failed(e);
    }
  }

  @Override
  public T next() {
    try {
      return rows.next();
    } catch (Exception e) {
      throw new Failed(e);
    }
  }
}
