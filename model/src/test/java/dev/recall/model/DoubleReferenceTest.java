package dev.recall.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.recall.datagen.SequenceBatch;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** The yardstick of the engines is checked against differences and against other libraries. */
class DoubleReferenceTest {

  static Stream<EngineCase> smallCases() {
    return EngineCase.all().filter(c -> c.steps() * c.batchSize() <= 200);
  }

  /**
   * Central differences with a step h = 1e-5: the third derivative leaves an error of the order of
   * h^2 = 1e-10, rounding one of 1e-16 / h = 1e-11, both relative to the loss.
   */
  @ParameterizedTest
  @MethodSource("smallCases")
  void gradientAgreesWithFiniteDifferences(EngineCase shape) {
    DoubleReference reference = new DoubleReference(shape.spec());
    SequenceBatch batch = shape.batch(1);
    double[] p = Numbers.doubles(shape.parameters(0.7));
    DoubleReference.Result result = reference.run(p, batch);
    int stride = 1 + p.length / 40; // some of each block
    for (int i = 0; i < p.length; i += stride) {
      double before = p[i];
      p[i] = before + 1e-5;
      double above = reference.run(p, batch).loss();
      p[i] = before - 1e-5;
      double below = reference.run(p, batch).loss();
      p[i] = before;
      assertThat((above - below) / 2e-5)
          .as("parameter %d", i)
          .isCloseTo(result.gradient()[i], within(1e-8 * (1 + result.loss())));
    }
  }

  /**
   * Both sides are in double. theanets' batches are exact in float; PyTorch's are not, and a batch
   * holds floats, so its inputs are off by 6e-8 of their size.
   */
  @ParameterizedTest
  @CsvSource({
    "theanets_page.json, 1e-12",
    "theanets_weighted_momentum_clip.json, 1e-12",
    "torch_lstm10.json, 5e-7",
    "torch_two_layers_weighted.json, 5e-7"
  })
  void agreesWithOtherLibraries(String name, double tolerance) {
    ReferenceFile file = ReferenceFile.read(name);
    DoubleReference reference = new DoubleReference(file.spec());
    DoubleReference.Result result = reference.run(file.vector("params0"), file.batch(0));
    double[] gradient =
        Arrays.stream(result.gradient()).map(value -> value / result.weight()).toArray();
    double[] expected = file.vector("grads0");
    Numbers.assertClose(result.outputs(), file.outputs(), tolerance);
    assertThat(result.loss() / result.weight())
        .isCloseTo(file.json().path("loss0").doubleValue(), within(tolerance));
    Numbers.assertBlocksClose(file.spec().layout(), gradient, expected, expected, tolerance);
  }
}
