package dev.recall.job.spark.predict;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/** What Jazzer, through {@link PredictFuzz}, calls with bytes for the text of a sequence. */
public final class SequenceTextFuzz {

  private static final ObjectMapper TREES = new ObjectMapper();
  private static final int MAX_STEPS = 100;
  private static final int MOST_CHARACTERS = 300;

  private SequenceTextFuzz() {}

  /** Loads the classes, which would count as time of the first input. */
  public static void fuzzerInitialize() {
    fuzzerTestOneInput("[[0.5, -1]]".getBytes(StandardCharsets.UTF_8));
  }

  /** Fails for other values than those of Jackson's tree, and for anything but a refusal. */
  public static void fuzzerTestOneInput(byte[] input) {
    for (int size = 1; size <= 2; size++) {
      SequenceReader reader = new SequenceReader(SequenceReader.Form.TEXT, 0, size, MAX_STEPS);
      try {
        int steps = reader.read(input);
        float[] found = Arrays.copyOf(reader.values(), reader.end());
        if (steps > MAX_STEPS || !Arrays.equals(found, values(input, steps, size))) {
          throw new IllegalStateException("read as " + Arrays.toString(found));
        }
      } catch (SequenceReader.Refused e) {
        if (reader.end() != 0 || e.getMessage().length() > MOST_CHARACTERS) {
          throw new IllegalStateException(reader.end() + " values after " + e.getMessage());
        }
      } catch (IOException e) {
        throw new IllegalStateException("no JSON", e);
      }
    }
  }

  /** Fails where a step has no such number. */
  private static float[] values(byte[] input, int steps, int size) throws IOException {
    JsonNode tree = TREES.readTree(input);
    float[] values = new float[steps * size];
    for (int i = 0; i < values.length; i++) {
      JsonNode step = tree.get(i / size);
      JsonNode value = step.isArray() ? step.get(i % size) : step;
      values[i] = value.isNumber() ? (float) value.doubleValue() : Float.NaN;
    }
    return tree.size() == steps ? values : new float[0];
  }

  /** Sequences of one and of two numbers per step, and what is none; zeros look like UTF-32. */
  public static void writeSeeds(Path folder) throws IOException {
    String[] texts = {
      "[0.5, -1, 2e3]",
      "[[0.5, -1], [2, 0]]",
      "[[1], [null]]",
      "[NaN]",
      "{\"a\": [\"b\"]}",
      "[1e39",
      "\0\0\0\0b\"-}"
    };
    for (int i = 0; i < texts.length; i++) {
      Files.writeString(folder.resolve("text-" + i), texts[i]);
    }
  }
}
