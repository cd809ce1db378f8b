package dev.recall.job.spark.predict;

import dev.recall.model.RegressorSpec;
import java.util.Arrays;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.function.UnaryOperator;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.GenericInternalRow;
import org.apache.spark.sql.catalyst.expressions.JoinedRow;
import org.apache.spark.sql.catalyst.expressions.UnsafeArrayData;
import org.apache.spark.sql.catalyst.util.ArrayData;
import org.apache.spark.sql.catalyst.util.GenericArrayData;

/**
 * The rows of a task, each with its prediction behind its columns, in the order in which they come.
 * Some hundred rows are in memory at a time.
 */
final class PredictedRows implements Iterator<InternalRow>, Chunks.Receiver {

  /** Numbers of sequences, from which on a window is full. */
  private static final int WINDOW_VALUES = 1 << 21;

  private final Window window;
  private final ScoringTask task;
  private final RegressorSpec spec;
  private final SequenceReader reader;
  private final Chunks chunks;
  private final UnaryOperator<InternalRow> output; // of a row with its prediction

  private final Place.Position[] positions = new Place.Position[Window.MOST];
  private final int[] steps = new int[Window.MOST]; // 0: no usable sequence
  private final int[] starts = new int[Window.MOST];
  private final ArrayData[] predictions = new ArrayData[Window.MOST];
  private int count; // rows of the window
  private int next; // the one to give

  private final JoinedRow joined = new JoinedRow();
  private final GenericInternalRow prediction = new GenericInternalRow(1);

  PredictedRows(Window window, ScoringTask task, float[] parameters) {
    this.window = window;
    this.task = task;
    this.spec = task.spec();
    this.reader = task.reader();
    this.chunks = new Chunks(spec, parameters);
    this.output = task.output();
  }

  @Override
  public boolean hasNext() {
    return next < count || window.hasNext();
  }

  /** Returns a row that is valid until the next one. */
  @Override
  public InternalRow next() {
    if (next == count) {
      fill();
    }
    prediction.update(0, predictions[next]);
    joined.apply(window.get(next), prediction);
    next++;
    return output.apply(joined);
  }

  private void fill() {
    if (!window.hasNext()) {
      throw new NoSuchElementException();
    }
    Arrays.fill(predictions, 0, count, null);
    reader.clear();
    window.clear();
    count = 0;
    next = 0;
    while (reader.end() < WINDOW_VALUES && window.hasRoom()) {
      InternalRow row = window.add();
      positions[count] = task.place().count();
      starts[count] = reader.end();
      steps[count] = read(row);
      count++;
    }
    chunks.run(order(), usable(), steps, starts, reader.values(), this);
    task.counted(count);
  }

  private int read(InternalRow row) {
    try {
      return reader.read(row);
    } catch (SequenceReader.Refused e) {
      refused(count, e.getMessage());
      return 0;
    }
  }

  private void refused(int index, String what) {
    if (task.onBad() == OnBad.FAIL) {
      throw task.place().bad(window.get(index), positions[index], what);
    }
    task.countedBad();
  }

  private int usable() {
    int usable = 0;
    for (int i = 0; i < count; i++) {
      usable += steps[i] > 0 ? 1 : 0;
    }
    return usable;
  }

  /** Indices by falling length, those without a sequence last. */
  private int[] order() {
    long[] keys = new long[count];
    for (int i = 0; i < count; i++) {
      keys[i] = ((long) -steps[i] << 32) + i;
    }
    Arrays.sort(keys);
    int[] order = new int[count];
    for (int i = 0; i < count; i++) {
      order[i] = (int) keys[i];
    }
    return order;
  }

  @Override
  public void take(int index, float[] outputs, int from, int stride) {
    int size = spec.outputSize();
    int given = Math.min(steps[index], task.lastSteps());
    int first = steps[index] - given;
    float[] values = new float[given * size];
    boolean finite = true;
    for (int t = 0; t < given; t++) {
      int at = from + (first + t) * stride;
      for (int j = 0; j < size; j++) {
        float value = outputs[at + j];
        values[t * size + j] = value;
        finite &= Math.abs(value) <= Float.MAX_VALUE;
      }
    }
    if (finite) {
      predictions[index] = size == 1 ? UnsafeArrayData.fromPrimitiveArray(values) : split(values);
    } else {
      refused(index, "expected finite outputs of the network, found others");
    }
  }

  private ArrayData split(float[] values) {
    int size = spec.outputSize();
    ArrayData[] rowsOfSteps = new ArrayData[values.length / size];
    for (int t = 0; t < rowsOfSteps.length; t++) {
      rowsOfSteps[t] =
          UnsafeArrayData.fromPrimitiveArray(Arrays.copyOfRange(values, t * size, (t + 1) * size));
    }
    return new GenericArrayData(rowsOfSteps);
  }
}
