package dev.recall.model;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.recall.model.ParameterLayout.Block;
import dev.recall.model.recurrent.Engines;
import dev.recall.model.recurrent.PlainEngine;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * ONNX's published node test cases of LSTM through our cell: one layer, and a read-out that is the
 * identity.
 */
class OnnxNodeCasesTest {

  private static final int[] GATES = {0, 3, 1, 2}; // of ours i, f, c, o in ONNX's i, o, f, c

  static Stream<Named<JsonNode>> cases() throws IOException {
    try (InputStream in =
        OnnxNodeCasesTest.class.getResourceAsStream("/reference/onnx_lstm_node_cases.json")) {
      List<Named<JsonNode>> cases = new ArrayList<>();
      for (JsonNode one : new ObjectMapper().readTree(in).path("cases")) {
        cases.add(Named.of(one.path("name").asText(), one));
      }
      return cases.stream();
    }
  }

  @Test
  void allFourCasesAreThere() throws IOException {
    assertThat(cases().map(Named::getName))
        .containsExactly(
            "test_lstm_defaults",
            "test_lstm_with_initial_bias",
            "test_lstm_with_peepholes",
            "test_lstm_batchwise");
  }

  @ParameterizedTest
  @MethodSource("cases")
  void theCellGivesThePublishedOutput(JsonNode one) {
    // One step each, so that [batch, time, ...] of the last case lies as [time, batch, ...].
    List<Integer> shape = shape(one, "X");
    boolean batchFirst = one.path("layout").asInt() == 1;
    int steps = shape.get(batchFirst ? 1 : 0);
    assertThat(steps).isEqualTo(1);
    int batch = shape.get(batchFirst ? 0 : 1);
    int units = shape(one, "R").get(2);
    CellSpec cell = new LstmSpec(units, one.has("P"));
    RegressorSpec spec = new RegressorSpec(shape.get(2), List.of(cell), units);
    float[] parameters = parameters(spec, one, units);
    double[] expected = Numbers.doubles(values(one, "Y_h"));
    for (Predictor engine : List.of(new PlainEngine(spec), Engines.create(spec))) {
      float[] outputs = new float[steps * batch * units];
      engine.predict(parameters, values(one, "X"), steps, batch, outputs);
      Numbers.assertClose(Numbers.doubles(outputs), expected, 1e-6); // float32 on both sides
    }
  }

  private static float[] parameters(RegressorSpec spec, JsonNode one, int units) {
    float[] parameters = new float[spec.layout().size()];
    rows(parameters, block(spec, "hid1.xh"), values(one, "W"), units);
    rows(parameters, block(spec, "hid1.hh"), values(one, "R"), units);
    if (one.has("B")) {
      float[] both = values(one, "B");
      float[] sum = new float[4 * units];
      for (int i = 0; i < sum.length; i++) {
        sum[i] = both[i] + both[4 * units + i];
      }
      rows(parameters, block(spec, "hid1.b"), sum, units);
    }
    if (one.has("P")) {
      float[] peepholes = values(one, "P"); // i, o, f
      System.arraycopy(peepholes, 0, parameters, block(spec, "hid1.ci").offset(), units);
      System.arraycopy(peepholes, units, parameters, block(spec, "hid1.co").offset(), units);
      System.arraycopy(peepholes, 2 * units, parameters, block(spec, "hid1.cf").offset(), units);
    }
    for (int i = 0; i < units; i++) {
      parameters[block(spec, "out.w").offset() + i * units + i] = 1;
    }
    return parameters;
  }

  /** [4 units, rows] by ONNX's gates into [rows, 4 units] by ours. */
  private static void rows(float[] parameters, Block block, float[] theirs, int units) {
    int width = 4 * units;
    int rows = block.length() / width;
    for (int row = 0; row < rows; row++) {
      for (int from = 0; from < width; from++) {
        int to = GATES[from / units] * units + from % units;
        parameters[block.offset() + row * width + to] = theirs[from * rows + row];
      }
    }
  }

  private static Block block(RegressorSpec spec, String name) {
    return spec.layout().find(name).orElseThrow();
  }

  private static List<Integer> shape(JsonNode one, String name) {
    List<Integer> shape = new ArrayList<>();
    one.path(name).path("shape").forEach(size -> shape.add(size.asInt()));
    return shape;
  }

  private static float[] values(JsonNode one, String name) {
    JsonNode values = one.path(name).path("values");
    float[] floats = new float[values.size()];
    for (int i = 0; i < floats.length; i++) {
      floats[i] = (float) values.get(i).asDouble();
    }
    return floats;
  }
}
