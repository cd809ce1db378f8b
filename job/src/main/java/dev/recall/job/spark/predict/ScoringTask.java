package dev.recall.job.spark.predict;

import dev.recall.model.CellSpec;
import dev.recall.model.RegressorSpec;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.function.UnaryOperator;
import org.apache.spark.broadcast.Broadcast;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.ProjectingInternalRow;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.vectorized.ColumnarBatch;
import org.apache.spark.util.LongAccumulator;
import scala.collection.JavaConverters;

/** What runs on executors: adds predictions to the rows of one partition. */
final class ScoringTask implements Serializable {

  private static final long serialVersionUID = 1L;

  /** More than the engine's arrays have per unit and step. */
  private static final int FLOATS_PER_UNIT = 160;

  private final RegressorSpec spec;
  private final Broadcast<float[]> parameters;
  private final SequenceColumn column;
  private final int lastSteps;
  private final OnBad onBad;
  private final LongAccumulator rows;
  private final LongAccumulator bad;
  private final StructType schema;
  private final List<Integer> kept; // columns of the output before the prediction
  private final StructType output;
  private transient Place place;

  ScoringTask(
      RegressorSpec spec,
      Broadcast<float[]> parameters,
      StructType schema,
      List<Integer> kept,
      StructType output,
      SequenceColumn column,
      int lastSteps,
      OnBad onBad,
      LongAccumulator rows,
      LongAccumulator bad) {
    this.spec = spec;
    this.parameters = parameters;
    this.schema = schema;
    this.kept = kept;
    this.output = output;
    this.column = column;
    this.lastSteps = lastSteps;
    this.onBad = onBad;
    this.rows = rows;
    this.bad = bad;
  }

  /** Scores rows, each of which is valid until the next one. */
  Iterator<InternalRow> rows(Iterator<InternalRow> partition) {
    return scored(new CopiedRows(new InputRows<>(partition)));
  }

  /** Scores rows that are in columns. */
  Iterator<InternalRow> batches(Iterator<ColumnarBatch> partition) {
    return scored(new BatchedRows(new InputRows<>(partition)));
  }

  private Iterator<InternalRow> scored(Window window) {
    place = new Place(schema, column.name());
    return new PredictedRows(window, this, parameters.value());
  }

  /** Leaves columns out of a row with its prediction; the result is valid until the next one. */
  UnaryOperator<InternalRow> output() {
    if (kept.size() == schema.size()) {
      return UnaryOperator.identity();
    }
    List<Object> ordinals = new ArrayList<>(kept);
    ordinals.add(schema.size());
    ProjectingInternalRow projected =
        new ProjectingInternalRow(output, JavaConverters.asScalaBuffer(ordinals).toIndexedSeq());
    return row -> {
      projected.project(row);
      return projected;
    };
  }

  RegressorSpec spec() {
    return spec;
  }

  Place place() {
    return place;
  }

  SequenceReader reader() {
    return new SequenceReader(column.form(), column.ordinal(), spec.inputSize(), maxSteps(spec));
  }

  /** Steps for which no array of the engine has more floats than an array can have. */
  static int maxSteps(RegressorSpec spec) {
    int widest = Math.max(spec.inputSize(), spec.outputSize());
    int inputs = spec.inputSize();
    for (CellSpec cell : spec.cells()) {
      widest = Math.max(widest, inputs + cell.size());
      inputs = cell.size();
    }
    return (int) (Integer.MAX_VALUE / ((long) FLOATS_PER_UNIT * (widest + 4L))) - 1;
  }

  int lastSteps() {
    return lastSteps;
  }

  OnBad onBad() {
    return onBad;
  }

  void counted(long count) {
    rows.add(count);
  }

  void countedBad() {
    bad.add(1);
  }
}
