package dev.recall.model;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.recall.datagen.SequenceBatch;
import dev.recall.model.ParameterLayout.Block;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;

/** Numbers of another library, see the resources under {@code reference}. */
record ReferenceFile(JsonNode json, RegressorSpec spec) {

  static ReferenceFile read(String name) {
    try (InputStream in = ReferenceFile.class.getResourceAsStream("/reference/" + name)) {
      JsonNode json = new ObjectMapper().readTree(in);
      return new ReferenceFile(json, spec(json.path("params0")));
    } catch (IOException e) {
      throw new UncheckedIOException(name, e);
    }
  }

  private static RegressorSpec spec(JsonNode blocks) {
    List<CellSpec> cells = new ArrayList<>();
    for (int layer = 1; blocks.has("hid" + layer + ".hh"); layer++) {
      String name = "hid" + layer;
      cells.add(new LstmSpec(blocks.path(name + ".hh").size(), blocks.has(name + ".ci")));
    }
    int outputs = blocks.path("out.w").path(0).size();
    return new RegressorSpec(blocks.path("hid1.xh").size(), cells, outputs);
  }

  /** A set of named blocks as a flat vector. */
  double[] vector(JsonNode blocks) {
    ParameterLayout layout = spec.layout();
    assertSameNames(blocks, layout);
    double[] vector = new double[layout.size()];
    for (Block block : layout.blocks()) {
      double[] values = flat(blocks.path(block.name()));
      System.arraycopy(values, 0, vector, block.offset(), block.length());
    }
    return vector;
  }

  double[] vector(String field) {
    return vector(json.path(field));
  }

  private static void assertSameNames(JsonNode blocks, ParameterLayout layout) {
    List<String> names = new ArrayList<>();
    blocks.fieldNames().forEachRemaining(names::add);
    if (!names.equals(layout.blocks().stream().map(Block::name).toList())) {
      throw new IllegalArgumentException("blocks " + names + ", layout " + layout.blocks());
    }
  }

  int batches() {
    return json.path("batches").size();
  }

  /** Inputs, targets and, where the file has them, weights; else every weight is 1. */
  SequenceBatch batch(int index) {
    JsonNode arrays = json.path("batches").path(index);
    int rows = json.path("T").asInt() * json.path("B").asInt(json.path("batch").asInt());
    double[] inputs = timeMajor(arrays.path(0));
    double[] targets = timeMajor(arrays.path(1));
    SequenceBatch batch =
        new SequenceBatch(
            json.path("T").asInt(),
            json.path("B").asInt(json.path("batch").asInt()),
            inputs.length / rows,
            targets.length / rows);
    copy(inputs, batch.inputs());
    copy(targets, batch.targets());
    if (arrays.has(2)) {
      copy(timeMajor(arrays.path(2)), batch.weights());
    } else {
      java.util.Arrays.fill(batch.weights(), 1f);
    }
    return batch;
  }

  /** Outputs for the first batch, [T, B, outputSize]. */
  double[] outputs() {
    return timeMajor(json.path("output0"));
  }

  /** Losses before each update. */
  static double[] losses(JsonNode node) {
    return flat(node.path("losses"));
  }

  /** theanets has [batch][time][feature]; PyTorch, as we, [time][batch][feature]. */
  private double[] timeMajor(JsonNode array) {
    if (!json.path("layout").asText().contains("[batch][time]")) {
      return flat(array);
    }
    int sequences = array.size();
    int steps = array.path(0).size();
    int features = array.path(0).path(0).size();
    double[] values = new double[steps * sequences * features];
    for (int b = 0; b < sequences; b++) {
      for (int t = 0; t < steps; t++) {
        for (int i = 0; i < features; i++) {
          values[(t * sequences + b) * features + i] = array.path(b).path(t).path(i).doubleValue();
        }
      }
    }
    return values;
  }

  private static void copy(double[] from, float[] to) {
    System.arraycopy(Numbers.floats(from), 0, to, 0, to.length);
  }

  private static double[] flat(JsonNode array) {
    List<Double> values = new ArrayList<>();
    collect(array, values);
    return values.stream().mapToDouble(Double::doubleValue).toArray();
  }

  private static void collect(JsonNode node, List<Double> values) {
    if (node.isArray()) {
      node.forEach(child -> collect(child, values));
    } else if (node.isNumber()) {
      values.add(node.doubleValue());
    } else {
      throw new IllegalArgumentException("expected a number, found " + node);
    }
  }
}
