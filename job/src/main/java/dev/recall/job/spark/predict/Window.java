package dev.recall.job.spark.predict;

import org.apache.spark.sql.catalyst.InternalRow;

/** Rows of a task that are in memory at a time. */
interface Window {

  /** Rows that are looked through for sequences of like length. */
  int MOST = 1024;

  /** Whether there is a row behind those of the window; looking may end the rows of the window. */
  boolean hasNext();

  /** Begins again, with no rows. */
  void clear();

  /** Whether another row is there that fits in. */
  boolean hasRoom();

  /** Takes in the next row, which is there; it is valid until the next call. */
  InternalRow add();

  /**
   * Returns a row of the window, valid until the next call.
   *
   * @param index from 0, in the order in which rows were added
   */
  InternalRow get(int index);
}
