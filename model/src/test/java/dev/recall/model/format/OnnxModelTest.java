package dev.recall.model.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import dev.recall.model.RegressorSpec;
import dev.recall.model.recurrent.Engines;
import java.nio.FloatBuffer;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Exported models in onnxruntime, which nobody here wrote. */
class OnnxModelTest {

  private static final int SEQUENCES = 1000;

  /** T and B of the calls on one model; the batches hold all sequences together. */
  private static final int[][] CALLS = {{20, 400}, {1, 1}, {7, 99}, {33, 256}, {50, 244}};

  static Stream<RegressorSpec> architectures() {
    return Stream.of(
            "[1, (lstm, 10), 1]", // the seed's
            "[3, (lstm, 5), 2]",
            "[2, (lstm, 33), 1]",
            "[1, (lstm, 1), 1]",
            "[1, (lstm, 8), (lstm, 8), 1]",
            "[4, (lstm, 7), (lstm, 3), 5]",
            "[2, (lstm, 4), (lstm, 1), (lstm, 6), 3]")
        .flatMap(
            layers ->
                Stream.of(true, false).map(peepholes -> RegressorSpec.parse(layers, peepholes)));
  }

  private static float[] gaussian(Random random, int length, double deviation) {
    float[] values = new float[length];
    for (int i = 0; i < length; i++) {
      values[i] = (float) (deviation * random.nextGaussian());
    }
    return values;
  }

  /**
   * Both sum in float32, in another order and with another tanh: some 1e-6 apart. Recurrent weights
   * N(0, 1/4) of 33 units would amplify that within 50 steps: RoundingTest.
   */
  @ParameterizedTest
  @MethodSource("architectures")
  void onnxruntimeGivesOurOutputsOnAThousandSequences(RegressorSpec spec) throws OrtException {
    Random random = new Random(7);
    int units = spec.cells().get(0).size();
    float[] parameters =
        gaussian(random, spec.layout().size(), Math.min(0.5, 1.5 / Math.sqrt(units)));
    int sequences = 0;
    try (OrtSession session = session(OnnxModel.encode(spec, parameters, Map.of()))) {
      for (int[] call : CALLS) {
        float[] inputs = gaussian(random, call[0] * call[1] * spec.inputSize(), 1);
        float[] ours = new float[call[0] * call[1] * spec.outputSize()];
        Engines.create(spec).predict(parameters, inputs, call[0], call[1], ours);
        float[] theirs = run(session, inputs, call[0], call[1], spec.inputSize());
        assertThat(theirs).as("T=%d B=%d", call[0], call[1]).hasSameSizeAs(ours);
        double difference = largestDifference(ours, theirs);
        assertThat(difference).isLessThan(1e-5);
        sequences += call[1];
      }
    }
    assertThat(sequences).isEqualTo(SEQUENCES);
  }

  private static OrtSession session(byte[] model) throws OrtException {
    return OrtEnvironment.getEnvironment().createSession(model);
  }

  private static float[] run(OrtSession session, float[] inputs, int steps, int batch, int size)
      throws OrtException {
    long[] shape = {steps, batch, size};
    try (OnnxTensor tensor =
            OnnxTensor.createTensor(
                OrtEnvironment.getEnvironment(), FloatBuffer.wrap(inputs), shape);
        OrtSession.Result result = session.run(Map.of("inputs", tensor))) {
      OnnxTensor outputs = (OnnxTensor) result.get("outputs").orElseThrow();
      assertThat(outputs.getInfo().getShape()).startsWith(steps, batch);
      float[] values = new float[outputs.getFloatBuffer().remaining()];
      outputs.getFloatBuffer().get(values);
      return values;
    }
  }

  private static double largestDifference(float[] ours, float[] theirs) {
    double largest = 0;
    for (int i = 0; i < ours.length; i++) {
      largest = Math.max(largest, Math.abs(ours[i] - theirs[i])); // NaN stays
    }
    return largest;
  }

  @Test
  void everyPeepholeReachesTheOutputs() throws OrtException {
    RegressorSpec spec = RegressorSpec.parse("[1, (lstm, 2), 1]", true);
    float[] parameters = gaussian(new Random(3), spec.layout().size(), 0.5);
    float[] inputs = gaussian(new Random(4), 5, 1);
    float[] before;
    try (OrtSession session = session(OnnxModel.encode(spec, parameters, Map.of()))) {
      before = run(session, inputs, 5, 1, 1);
    }
    for (String gate : new String[] {"ci", "cf", "co"}) {
      float[] changed = parameters.clone();
      changed[spec.layout().offset("hid1." + gate)] += 1;
      try (OrtSession session = session(OnnxModel.encode(spec, changed, Map.of()))) {
        assertThat(largestDifference(before, run(session, inputs, 5, 1, 1)))
            .as(gate)
            .isGreaterThan(1e-4);
      }
    }
  }

  @Test
  void namesShapesAndMetadataAreThere() throws OrtException {
    RegressorSpec spec = RegressorSpec.parse("[3, (lstm, 5), 2]", true);
    Map<String, String> metadata = Map.of("recall_version", "1.2.3", "seed", "13");
    try (OrtSession session =
        session(OnnxModel.encode(spec, new float[spec.layout().size()], metadata))) {
      assertThat(session.getInputNames()).containsExactly("inputs");
      assertThat(session.getOutputNames()).containsExactly("outputs");
      TensorInfo inputs = (TensorInfo) session.getInputInfo().get("inputs").getInfo();
      TensorInfo outputs = (TensorInfo) session.getOutputInfo().get("outputs").getInfo();
      assertThat(inputs.getShape()).containsExactly(-1, -1, 3);
      assertThat(outputs.getShape()).containsExactly(-1, -1, 2);
      assertThat(inputs.getDimensionNames()).containsExactly("time", "batch", "");
      assertThat(session.getMetadata().getCustomMetadata()).isEqualTo(metadata);
      assertThat(session.getMetadata().getProducerName()).isEqualTo("recall");
      assertThat(session.getMetadata().getDescription()).contains(spec.layers());
    }
  }

  @Test
  void theSameModelGivesTheSameBytes() {
    RegressorSpec spec = RegressorSpec.parse("[1, (lstm, 4), (lstm, 3), 1]", true);
    float[] parameters = gaussian(new Random(5), spec.layout().size(), 1);
    byte[] once = OnnxModel.encode(spec, parameters, Map.of("a", "1", "b", "2", "c", "3"));
    byte[] again = OnnxModel.encode(spec, parameters, Map.of("c", "3", "b", "2", "a", "1"));
    assertThat(again).isEqualTo(once);
  }

  @Test
  void parametersOfAnotherModelAreRefused() {
    RegressorSpec spec = RegressorSpec.parse("[1, (lstm, 10), 1]", true);
    assertThatThrownBy(() -> OnnxModel.encode(spec, new float[520], Map.of()))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("parameters: expected 521 for [1, (lstm, 10), 1], found 520");
  }

  /** The example of Protocol Buffers' documentation: field 1 is 150. */
  @Test
  void varintsAreThoseOfProtocolBuffers() {
    assertThat(new ProtobufWriter().number(1, 150).toByteArray()).containsExactly(0x08, 0x96, 0x01);
    assertThat(new ProtobufWriter().text(2, "testing").toByteArray())
        .containsExactly(0x12, 0x07, 't', 'e', 's', 't', 'i', 'n', 'g');
    assertThat(new ProtobufWriter().number(20, 0).toByteArray()).containsExactly(0xa0, 0x01, 0x00);
  }
}
