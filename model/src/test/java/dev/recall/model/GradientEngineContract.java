package dev.recall.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.recall.datagen.SequenceBatch;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * What every {@link GradientEngine} and its {@link Predictor} promise. A test of an engine
 * implements it.
 *
 * <p>Tolerances are relative to the sums of |terms| of {@link DoubleReference}: a float sum of n
 * terms is off by up to n 6e-8 of that, in practice by far less, and the activations add 2e-7 a
 * step. The largest error seen over these cases is 1.5e-6, at T = 50.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
public interface GradientEngineContract {

  /** Relative error allowed, see above. */
  double TOLERANCE = 4e-6;

  /** A fresh engine. */
  GradientEngine engine(RegressorSpec spec);

  /** A fresh predictor. */
  Predictor predictor(RegressorSpec spec);

  /** Shapes to try. */
  default Stream<EngineCase> cases() {
    return EngineCase.all();
  }

  @ParameterizedTest
  @MethodSource("cases")
  default void agreesWithTheDoubleReference(EngineCase shape) {
    float[] parameters = shape.parameters(0.5);
    SequenceBatch batch = shape.batch(2);
    DoubleReference.Result expected =
        new DoubleReference(shape.spec()).run(Numbers.doubles(parameters), batch);
    assertOutputsAndLossAgree(shape, parameters, batch, expected);
    Numbers.assertBlocksClose(
        shape.spec().layout(),
        Numbers.doubles(sum(engine(shape.spec()), parameters, batch).vector()),
        expected.gradient(),
        expected.magnitude(),
        TOLERANCE);
  }

  /**
   * Biases of +-15 shut or open every gate. In float 1 - o keeps no digit there, so the gradients
   * that vanish are compared on the scale of the largest one.
   */
  @ParameterizedTest
  @MethodSource("cases")
  default void agreesWithTheDoubleReferenceWhenGatesSaturate(EngineCase shape) {
    float[] parameters = shape.parameters(0.5);
    ParameterLayout layout = shape.spec().layout();
    for (int layer = 0; layer < shape.sizes().size(); layer++) {
      int b = layout.offset(RegressorSpec.layerName(layer) + ".b");
      for (int i = 0; i < 4 * shape.sizes().get(layer); i++) {
        parameters[b + i] = i % 3 == 0 ? -15 : 15;
      }
    }
    SequenceBatch batch = shape.batch(2);
    DoubleReference.Result expected =
        new DoubleReference(shape.spec()).run(Numbers.doubles(parameters), batch);
    assertOutputsAndLossAgree(shape, parameters, batch, expected);
    double scale = Numbers.largest(expected.magnitude(), 0, parameters.length);
    float[] gradient = sum(engine(shape.spec()), parameters, batch).vector();
    for (int i = 0; i < gradient.length; i++) {
      assertThat((double) gradient[i]).isCloseTo(expected.gradient()[i], within(TOLERANCE * scale));
    }
  }

  private void assertOutputsAndLossAgree(
      EngineCase shape, float[] parameters, SequenceBatch batch, DoubleReference.Result expected) {
    float[] outputs = predicted(predictor(shape.spec()), parameters, batch);
    Numbers.assertClose(Numbers.doubles(outputs), expected.outputs(), TOLERANCE);
    GradientSum sum = sum(engine(shape.spec()), parameters, batch);
    assertThat(sum.loss()).isCloseTo(expected.loss(), within(TOLERANCE * expected.loss()));
    assertThat(sum.weight()).isCloseTo(expected.weight(), within(1e-6 * expected.weight()));
  }

  @Test
  default void batchWithoutWeightAddsNothing() {
    EngineCase shape = usual();
    SequenceBatch batch = shape.batch(3);
    Arrays.fill(batch.weights(), 0f);
    GradientSum sum = sum(engine(shape.spec()), shape.parameters(0.5), batch);
    assertThat(sum.loss()).isZero();
    assertThat(sum.weight()).isZero();
    assertThat(sum.vector()).usingComparatorWithPrecision(0f).containsOnly(0f); // or -0
  }

  /** What later steps hold does not matter while their weight is 0: the engine is causal. */
  @Test
  default void stepsBehindTheLastWeightDoNotMatter() {
    EngineCase shape = usual();
    SequenceBatch batch = shape.batch(4);
    int kept = shape.steps() - 2;
    int row = shape.batchSize() * shape.outputs();
    Arrays.fill(batch.weights(), kept * row, batch.weights().length, 0f);
    SequenceBatch shorter =
        new SequenceBatch(kept, shape.batchSize(), shape.inputs(), shape.outputs());
    copyStart(batch.inputs(), shorter.inputs());
    copyStart(batch.targets(), shorter.targets());
    copyStart(batch.weights(), shorter.weights());
    float[] parameters = shape.parameters(0.5);
    GradientSum whole = sum(engine(shape.spec()), parameters, batch);
    GradientSum start = sum(engine(shape.spec()), parameters, shorter);
    assertSameWithinRounding(shape, parameters, batch, start, whole);
  }

  @Test
  default void addsToWhatTheSumHolds() {
    EngineCase shape = usual();
    SequenceBatch batch = shape.batch(5);
    float[] parameters = shape.parameters(0.5);
    GradientSum alone = sum(engine(shape.spec()), parameters, batch);
    GradientSum sum = new GradientSum(parameters.length);
    for (int i = 0; i < parameters.length; i++) {
      sum.vector()[i] = i;
    }
    sum.addLoss(3, 5);
    engine(shape.spec()).lossAndGradient(parameters, batch, sum);
    assertThat(sum.loss()).isEqualTo(3 + alone.loss());
    assertThat(sum.weight()).isEqualTo(5 + alone.weight());
    for (int i = 0; i < parameters.length; i++) {
      // one rounding of the sum, and as many of the addends as the engine likes to make
      assertThat(sum.vector()[i])
          .isCloseTo(i + alone.vector()[i], within(4 * Math.ulp(i + Math.abs(alone.vector()[i]))));
    }
  }

  @Test
  default void sumsOfPartsOfABatchMergeToTheSumOfTheBatch() {
    EngineCase shape = new EngineCase(6, 33, 2, List.of(5), 2, true);
    SequenceBatch batch = shape.batch(6);
    float[] parameters = shape.parameters(0.5);
    GradientEngine engine = engine(shape.spec());
    GradientSum whole = sum(engine, parameters, batch);
    for (int cut : new int[] {1, 16, 17, 32}) {
      GradientSum merged = sum(engine, parameters, sequences(batch, 0, cut));
      merged.add(sum(engine, parameters, sequences(batch, cut, 33)));
      assertSameWithinRounding(shape, parameters, batch, merged, whole);
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  default void sameInputGivesTheSameBitsWhateverCameBefore(EngineCase shape) {
    float[] parameters = shape.parameters(0.5);
    SequenceBatch batch = shape.batch(7);
    GradientSum first = sum(engine(shape.spec()), parameters, batch);
    GradientEngine used = engine(shape.spec());
    int[][] others = {
      {shape.steps(), shape.batchSize()},
      {shape.steps() + 5, shape.batchSize() + 40},
      {1, 1},
      {shape.steps() + 9, 1},
      {1, shape.batchSize() + 70},
      {shape.steps(), shape.batchSize() + 1}
    };
    for (int[] other : others) {
      sum(used, parameters, resized(shape, other[0], other[1]).batch(8));
      assertSameBits(sum(used, parameters, batch), first);
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  default void predictionIsTheSameBitsWhateverCameBefore(EngineCase shape) {
    float[] parameters = shape.parameters(0.5);
    SequenceBatch batch = shape.batch(9);
    float[] first = predicted(predictor(shape.spec()), parameters, batch);
    Predictor used = predictor(shape.spec());
    predicted(used, parameters, resized(shape, shape.steps() + 3, 40).batch(10));
    predicted(used, parameters, resized(shape, 1, 1).batch(10));
    assertThat(predicted(used, parameters, batch)).isEqualTo(first);
  }

  /** A larger batch of NaN fills every buffer; the rows behind 17 sequences are then padding. */
  @Test
  default void nothingOfAnEarlierBatchIsLeft() {
    EngineCase shape = new EngineCase(6, 17, 2, List.of(5, 3), 2, true);
    float[] parameters = shape.parameters(0.5);
    SequenceBatch spoiled = resized(shape, 9, 32).batch(11);
    Arrays.fill(spoiled.inputs(), Float.NaN);
    Arrays.fill(spoiled.targets(), Float.NaN);
    Arrays.fill(spoiled.weights(), Float.NaN);
    for (int size = 1; size <= 32; size++) {
      SequenceBatch batch = resized(shape, 6, size).batch(12);
      GradientEngine engine = engine(shape.spec());
      sum(engine, parameters, spoiled);
      assertSameBits(sum(engine, parameters, batch), sum(engine(shape.spec()), parameters, batch));
    }
  }

  @Test
  default void anyNanParameterGivesNanLoss() {
    for (EngineCase shape : List.of(usual(), new EngineCase(3, 17, 2, List.of(3), 1, false))) {
      SequenceBatch batch = shape.batch(13);
      GradientEngine engine = engine(shape.spec());
      for (int i = 0; i < shape.spec().layout().size(); i++) {
        float[] parameters = shape.parameters(0.5);
        parameters[i] = Float.NaN;
        assertThat(sum(engine, parameters, batch).loss()).as("parameter %d", i).isNaN();
      }
    }
  }

  @Test
  default void anyNanInBatchGivesNanLoss() {
    EngineCase shape = new EngineCase(3, 17, 2, List.of(3), 2, true);
    float[] parameters = shape.parameters(0.5);
    GradientEngine engine = engine(shape.spec());
    for (int i = 0; i < shape.batch(14).inputs().length; i++) {
      SequenceBatch batch = shape.batch(14);
      batch.inputs()[i] = Float.NaN;
      assertThat(sum(engine, parameters, batch).loss()).as("input %d", i).isNaN();
    }
    for (int i = 0; i < shape.batch(14).targets().length; i++) {
      SequenceBatch batch = shape.batch(14);
      batch.targets()[i] = Float.NaN;
      assertThat(sum(engine, parameters, batch).loss()).as("target %d", i).isNaN();
    }
  }

  /** Products beyond the largest float are noticed: the gates do not quietly saturate. */
  @Test
  default void overflowGivesALossThatIsNotFinite() {
    EngineCase shape = usual();
    SequenceBatch batch = shape.batch(15);
    float[] parameters = shape.parameters(0.5);
    Arrays.fill(batch.inputs(), 1e30f);
    for (int i = 0; i < parameters.length; i++) {
      parameters[i] *= 1e30f;
    }
    double loss = sum(engine(shape.spec()), parameters, batch).loss();
    assertThat(Double.isFinite(loss)).as("loss %s", loss).isFalse();
  }

  @Test
  default void shapesThatDoNotFitAreRefusedWithBothNumbersAndNothingIsAdded() {
    EngineCase shape = new EngineCase(4, 3, 2, List.of(5), 3, true); // 183 parameters
    GradientEngine engine = engine(shape.spec());
    float[] p = shape.parameters(0.5);
    int size = p.length;
    GradientSum sum = new GradientSum(size);
    SequenceBatch batch = shape.batch(16);
    refuses(() -> engine.lossAndGradient(new float[size - 1], batch, sum), size, size - 1);
    refuses(() -> engine.lossAndGradient(new float[size + 1], batch, sum), size, size + 1);
    refuses(() -> engine.lossAndGradient(p, new SequenceBatch(4, 3, 1, 3), sum), 2, 1);
    refuses(() -> engine.lossAndGradient(p, new SequenceBatch(4, 3, 2, 4), sum), 3, 4);
    refuses(() -> engine.lossAndGradient(p, batch, new GradientSum(size + 1)), size, size + 1);
    assertThat(sum.loss()).isZero();
    assertThat(sum.weight()).isZero();
    assertThat(sum.vector()).containsOnly(0f);

    Predictor predictor = predictor(shape.spec());
    float[] in = batch.inputs();
    refuses(() -> predictor.predict(new float[size - 1], in, 4, 3, new float[36]), size, size - 1);
    refuses(() -> predictor.predict(p, in, 4, 4, new float[48]), 32, 24);
    refuses(() -> predictor.predict(p, in, 3, 3, new float[27]), 18, 24);
    refuses(() -> predictor.predict(p, in, 4, 3, new float[35]), 36, 35);
  }

  private static void refuses(Runnable call, int expected, int found) {
    assertThatThrownBy(call::run)
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("expected " + expected)
        .hasMessageContaining("found " + found);
  }

  @Test
  default void parametersAndBatchAreOnlyRead() {
    EngineCase shape = usual();
    float[] parameters = shape.parameters(0.5);
    SequenceBatch batch = shape.batch(17);
    sum(engine(shape.spec()), parameters, batch);
    predicted(predictor(shape.spec()), parameters, batch);
    assertThat(parameters).isEqualTo(shape.parameters(0.5));
    assertThat(batch.inputs()).isEqualTo(shape.batch(17).inputs());
    assertThat(batch.targets()).isEqualTo(shape.batch(17).targets());
    assertThat(batch.weights()).isEqualTo(shape.batch(17).weights());
  }

  /** Two layers, padding, peepholes, several features. */
  private static EngineCase usual() {
    return new EngineCase(7, 17, 2, List.of(5, 3), 2, true);
  }

  private static EngineCase resized(EngineCase shape, int steps, int batchSize) {
    return new EngineCase(
        steps, batchSize, shape.inputs(), shape.sizes(), shape.outputs(), shape.peepholes());
  }

  private static void copyStart(float[] from, float[] to) {
    System.arraycopy(from, 0, to, 0, to.length);
  }

  /** The sequences from..to of a batch. */
  private static SequenceBatch sequences(SequenceBatch batch, int from, int to) {
    int in = batch.inputSize();
    int out = batch.targetSize();
    SequenceBatch part = new SequenceBatch(batch.steps(), to - from, in, out);
    for (int t = 0; t < batch.steps(); t++) {
      int source = t * batch.batchSize() + from;
      int target = t * (to - from);
      int rows = to - from;
      System.arraycopy(batch.inputs(), source * in, part.inputs(), target * in, rows * in);
      System.arraycopy(batch.targets(), source * out, part.targets(), target * out, rows * out);
      System.arraycopy(batch.weights(), source * out, part.weights(), target * out, rows * out);
    }
    return part;
  }

  private static GradientSum sum(GradientEngine engine, float[] parameters, SequenceBatch batch) {
    GradientSum sum = new GradientSum(parameters.length);
    engine.lossAndGradient(parameters, batch, sum);
    return sum;
  }

  private static float[] predicted(Predictor predictor, float[] parameters, SequenceBatch batch) {
    float[] outputs = new float[batch.targets().length];
    Arrays.fill(outputs, Float.NaN); // so that an output left out shows
    predictor.predict(parameters, batch.inputs(), batch.steps(), batch.batchSize(), outputs);
    return outputs;
  }

  private static void assertSameBits(GradientSum actual, GradientSum expected) {
    assertThat(actual.loss()).isEqualTo(expected.loss()).isNotNaN();
    assertThat(actual.weight()).isEqualTo(expected.weight());
    assertThat(actual.vector()).isEqualTo(expected.vector());
  }

  /** Equal but for the order of float additions. */
  private static void assertSameWithinRounding(
      EngineCase shape,
      float[] parameters,
      SequenceBatch batch,
      GradientSum actual,
      GradientSum expected) {
    double[] scale =
        new DoubleReference(shape.spec()).run(Numbers.doubles(parameters), batch).magnitude();
    assertThat(actual.loss()).isCloseTo(expected.loss(), within(1e-6 * expected.loss()));
    assertThat(actual.weight()).isCloseTo(expected.weight(), within(1e-6 * expected.weight()));
    Numbers.assertBlocksClose(
        shape.spec().layout(),
        Numbers.doubles(actual.vector()),
        Numbers.doubles(expected.vector()),
        scale,
        1e-6);
  }
}
