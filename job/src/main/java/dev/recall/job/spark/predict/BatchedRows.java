package dev.recall.job.spark.predict;

import java.util.Iterator;
import java.util.Optional;
import org.apache.spark.rdd.RDD;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.execution.ColumnarToRowExec;
import org.apache.spark.sql.execution.FileSourceScanExec;
import org.apache.spark.sql.execution.InputAdapter;
import org.apache.spark.sql.execution.SparkPlan;
import org.apache.spark.sql.execution.WholeStageCodegenExec;
import org.apache.spark.sql.vectorized.ColumnarBatch;

/**
 * Rows where a reader of files has left them, in columns. A reader has one batch, which it fills
 * again; so a window ends with its batch.
 */
final class BatchedRows implements Window {

  private final Iterator<ColumnarBatch> source;
  private ColumnarBatch batch;
  private int first; // row of the batch, where the window begins
  private int end; // behind the window

  BatchedRows(Iterator<ColumnarBatch> source) {
    this.source = source;
  }

  /**
   * Finds batches.
   *
   * @param plan for rows
   * @return those that it would turn into rows and do nothing else, or nothing
   */
  static Optional<RDD<ColumnarBatch>> of(SparkPlan plan) {
    SparkPlan rows = plan instanceof WholeStageCodegenExec stage ? stage.child() : plan;
    if (rows instanceof ColumnarToRowExec) {
      SparkPlan child = ((ColumnarToRowExec) rows).child();
      SparkPlan columns = child instanceof InputAdapter adapter ? adapter.child() : child;
      if (columns instanceof FileSourceScanExec) {
        return Optional.of(columns.executeColumnar());
      }
    }
    return Optional.empty();
  }

  @Override
  public boolean hasNext() {
    while (batch == null || end == batch.numRows()) {
      if (!source.hasNext()) {
        return false;
      }
      batch = source.next();
      first = 0;
      end = 0;
    }
    return true;
  }

  @Override
  public void clear() {
    first = end;
  }

  @Override
  public boolean hasRoom() {
    return end < batch.numRows() && end - first < MOST;
  }

  @Override
  public InternalRow add() {
    return batch.getRow(end++);
  }

  @Override
  public InternalRow get(int index) {
    return batch.getRow(first + index);
  }
}
