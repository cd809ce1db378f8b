package dev.recall.job.spark.predict;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.json.JsonReadFeature;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.util.ArrayData;

/**
 * Reads the sequences of a column one behind the other into one array, and refuses what the network
 * cannot be given. The buffers are kept; not for several threads.
 */
final class SequenceReader {

  /** How a column holds sequences. */
  enum Form {
    FLOATS,
    DOUBLES,
    ROWS_OF_FLOATS,
    ROWS_OF_DOUBLES,
    TEXT
  }

  /** A row that cannot be used. */
  static final class Refused extends Exception {
    private static final long serialVersionUID = 1L;

    Refused(String expected, String found) {
      super("expected " + expected + ", found " + found, null, false, false);
    }
  }

  private static final int SHOWN = 40;
  private static final JsonFactory JSON =
      JsonFactory.builder().enable(JsonReadFeature.ALLOW_NON_NUMERIC_NUMBERS).build();

  private final Form form;
  private final int ordinal;
  private final int inputSize;
  private final int maxSteps;
  private float[] values = new float[1 << 12]; // [steps of all sequences, inputSize]
  private int end;

  /**
   * Prepares to read.
   *
   * @param ordinal of the column
   * @param inputSize numbers per step
   * @param maxSteps that the network has room for
   */
  SequenceReader(Form form, int ordinal, int inputSize, int maxSteps) {
    this.form = form;
    this.ordinal = ordinal;
    this.inputSize = inputSize;
    this.maxSteps = maxSteps;
  }

  /** Returns [steps of all sequences since {@link #clear}, inputSize]; valid until the next one. */
  float[] values() {
    return values;
  }

  /** Where the next sequence begins. */
  int end() {
    return end;
  }

  void clear() {
    end = 0;
  }

  /**
   * Reads the sequence of a row behind those before.
   *
   * @return its number of steps, at least 1
   * @throws Refused when there is none; then nothing was added
   */
  int read(InternalRow row) throws Refused {
    if (row.isNullAt(ordinal)) {
      throw new Refused("a sequence", "null");
    }
    return read(
        switch (form) {
          case FLOATS -> () -> floats(row.getArray(ordinal));
          case DOUBLES -> () -> doubles(row.getArray(ordinal), -1);
          case ROWS_OF_FLOATS, ROWS_OF_DOUBLES -> () -> rows(row.getArray(ordinal));
          case TEXT -> () -> text(row.getUTF8String(ordinal).getBytes());
        });
  }

  /** The same of a text that is in no row. */
  int read(byte[] utf8) throws Refused {
    return read(() -> text(utf8));
  }

  /** Adds the values of one sequence. */
  private interface Source {
    void add() throws Refused;
  }

  private int read(Source source) throws Refused {
    int start = end;
    try {
      source.add();
      if (end == start) {
        throw new Refused("at least 1 step", "an empty sequence");
      }
      return (end - start) / inputSize;
    } catch (Refused e) {
      end = start;
      throw e;
    }
  }

  private void reserve(int steps) throws Refused {
    if (steps > maxSteps) {
      throw new Refused("at most " + maxSteps + " steps for this network", steps + " steps");
    }
    reserveValues(steps * inputSize);
  }

  private void reserveValues(int count) {
    if (values.length - end < count) {
      values = Arrays.copyOf(values, Math.max(2 * values.length, end + count));
    }
  }

  private void floats(ArrayData array) throws Refused {
    int count = array.numElements();
    reserve(count);
    float[] numbers = array.toFloatArray();
    for (int t = 0; t < count; t++) {
      float value = numbers[t];
      if (!(Math.abs(value) <= Float.MAX_VALUE) || array.isNullAt(t)) {
        throw notFinite(array.isNullAt(t) ? "null" : String.valueOf(value), t, -1);
      }
      values[end + t] = value;
    }
    end += count;
  }

  /** The numbers of one step, or with step -1 those of a sequence with one number per step. */
  private void doubles(ArrayData array, int step) throws Refused {
    int count = array.numElements();
    if (step < 0) {
      reserve(count);
    }
    for (int k = 0; k < count; k++) {
      if (array.isNullAt(k)) {
        throw notFinite("null", step < 0 ? k : step, step < 0 ? -1 : k);
      }
      add(array.getDouble(k), step < 0 ? k : step, step < 0 ? -1 : k);
    }
  }

  private void add(double value, int step, int k) throws Refused {
    float rounded = (float) value;
    if (!Float.isFinite(rounded)) {
      throw notFinite(String.valueOf(value), step, k);
    }
    values[end++] = rounded;
  }

  private void rows(ArrayData steps) throws Refused {
    int count = steps.numElements();
    reserve(count);
    for (int t = 0; t < count; t++) {
      if (steps.isNullAt(t)) {
        throw wrongLength("null", t);
      }
      ArrayData step = steps.getArray(t);
      if (step.numElements() != inputSize) {
        throw wrongLength(String.valueOf(step.numElements()), t);
      }
      if (form == Form.ROWS_OF_DOUBLES) {
        doubles(step, t);
        continue;
      }
      for (int k = 0; k < inputSize; k++) {
        if (step.isNullAt(k)) {
          throw notFinite("null", t, k);
        }
        add(step.getFloat(k), t, k);
      }
    }
  }

  /** A JSON array, of numbers or of one array of numbers per step. */
  private void text(byte[] utf8) throws Refused {
    try (JsonParser json = JSON.createParser(utf8)) {
      if (json.nextToken() != JsonToken.START_ARRAY) {
        throw notJson(utf8);
      }
      int t = 0;
      for (JsonToken token = json.nextToken();
          token != JsonToken.END_ARRAY;
          token = json.nextToken(), t++) {
        if (t >= maxSteps) {
          throw new Refused("at most " + maxSteps + " steps for this network", "more");
        }
        if (token == JsonToken.START_ARRAY) {
          step(json, t, utf8);
        } else if (inputSize > 1) {
          throw token == null ? notJson(utf8) : wrongLength(shown(json.getText()), t);
        } else {
          number(json, t, -1, utf8);
        }
      }
      if (json.nextToken() != null) {
        throw notJson(utf8);
      }
    } catch (IOException e) { // not only JsonProcessingException: zeros first are taken for UTF-32
      throw notJson(utf8);
    }
  }

  private void step(JsonParser json, int t, byte[] utf8) throws IOException, Refused {
    int k = 0;
    for (; json.nextToken() != JsonToken.END_ARRAY; k++) {
      if (k == inputSize) {
        throw wrongLength("more", t);
      }
      number(json, t, k, utf8);
    }
    if (k < inputSize) {
      throw wrongLength(String.valueOf(k), t);
    }
  }

  private void number(JsonParser json, int t, int k, byte[] utf8) throws IOException, Refused {
    JsonToken token = json.currentToken();
    if (token == JsonToken.VALUE_NULL) {
      throw notFinite("null", t, k);
    }
    if (token == null || !token.isNumeric()) {
      throw notJson(utf8);
    }
    reserveValues(1);
    add(json.getDoubleValue(), t, k);
  }

  private Refused wrongLength(String found, int step) {
    return new Refused(
        inputSize + (inputSize == 1 ? " number per step" : " numbers per step"),
        found + " at step " + step);
  }

  private Refused notFinite(String found, int step, int k) {
    return new Refused(
        "finite 32-bit numbers",
        found + " at step " + step + (inputSize > 1 ? ", number " + k : ""));
  }

  private Refused notJson(byte[] utf8) {
    return new Refused(
        "a JSON array of numbers such as " + (inputSize == 1 ? "[0.5, -1]" : example()),
        shown(new String(utf8, StandardCharsets.UTF_8)));
  }

  private static String shown(String text) {
    return text.length() <= SHOWN ? text : text.substring(0, SHOWN) + "...";
  }

  private String example() {
    return "[" + Arrays.toString(new int[Math.min(inputSize, 3)]) + ", ...]";
  }
}
