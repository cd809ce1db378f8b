package dev.recall.model;

import static org.assertj.core.api.Assertions.assertThat;

import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import dev.recall.datagen.SequenceBatch;
import dev.recall.model.format.OnnxModel;
import dev.recall.model.recurrent.Engines;
import java.nio.FloatBuffer;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * A network that amplifies rounding errors: peepholes, and recurrent weights N(0, 1/4) of 33 units.
 * On some sequences onnxruntime's outputs and ours are more than 1e-5 apart, and both from those in
 * double arithmetic. The figures are in docs/formats.md.
 */
class RoundingTest {

  private static final RegressorSpec SPEC = RegressorSpec.parse("[2, (lstm, 33), 1]", true);
  private static final int STEPS = 50;
  private static final int SEQUENCES = 244;

  /** Numbers between parameters and inputs: the batch with the largest difference of some. */
  private static final int SKIPPED = 2 * (20 * 400 + 1 + 7 * 99 + 33 * 256);

  private final Random random = new Random(7);
  private final float[] parameters = new float[SPEC.layout().size()];
  private final SequenceBatch batch = new SequenceBatch(STEPS, SEQUENCES, 2, 1);

  RoundingTest() {
    fill(parameters, 0.5);
    fill(new float[SKIPPED], 1);
    fill(batch.inputs(), 1);
  }

  private void fill(float[] values, double deviation) {
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (deviation * random.nextGaussian());
    }
  }

  private double[] exact(double[] parameters) {
    return new DoubleReference(SPEC).run(parameters, batch).outputs();
  }

  /** Each parameter changed by at most half of a float's last bit, in double arithmetic. */
  private double[] nudged() {
    double[] nudged = doubles(parameters);
    for (int i = 0; i < nudged.length; i++) {
      nudged[i] += (random.nextDouble() - 0.5) * Math.ulp((float) nudged[i]);
    }
    return nudged;
  }

  private float[] onnxruntime() throws OrtException {
    OrtEnvironment environment = OrtEnvironment.getEnvironment();
    long[] shape = {STEPS, SEQUENCES, 2};
    try (OrtSession session =
            environment.createSession(OnnxModel.encode(SPEC, parameters, Map.of()));
        OnnxTensor inputs =
            OnnxTensor.createTensor(environment, FloatBuffer.wrap(batch.inputs()), shape);
        OrtSession.Result result = session.run(Map.of("inputs", inputs))) {
      float[] outputs = new float[STEPS * SEQUENCES];
      ((OnnxTensor) result.get("outputs").orElseThrow()).getFloatBuffer().get(outputs);
      return outputs;
    }
  }

  private static double[] doubles(float[] values) {
    double[] doubles = new double[values.length];
    for (int i = 0; i < values.length; i++) {
      doubles[i] = values[i];
    }
    return doubles;
  }

  /** Of the first steps. */
  private static double largest(double[] a, double[] b, int steps) {
    double largest = 0;
    for (int i = 0; i < steps * SEQUENCES; i++) {
      largest = Math.max(largest, Math.abs(a[i] - b[i])); // NaN stays
    }
    return largest;
  }

  @Test
  void theNetworkAmplifiesEveryRoundingOursAndTheirsAlike() throws OrtException {
    double[] exact = exact(doubles(parameters));
    double[] nudged = exact(nudged());
    float[] outputs = new float[exact.length];
    Engines.create(SPEC).predict(parameters, batch.inputs(), STEPS, SEQUENCES, outputs);
    double[] ours = doubles(outputs);
    double[] theirs = doubles(onnxruntime());

    // Without any float arithmetic: errors of the parameters grow tenfold and more.
    double first = largest(nudged, exact, 10);
    double all = largest(nudged, exact, STEPS);
    assertThat(first).isLessThan(4e-7);
    assertThat(all).isGreaterThan(10 * first);
    // As far as such errors are small, ours are those of float32. Each step rounds some hundred
    // times where the parameters were rounded once.
    assertThat(largest(ours, exact, 10)).isLessThan(2e-6);
    assertThat(largest(ours, exact, STEPS)).isBetween(all, 20 * all);
    assertThat(largest(theirs, exact, STEPS)).isBetween(all, 20 * all);
  }
}
