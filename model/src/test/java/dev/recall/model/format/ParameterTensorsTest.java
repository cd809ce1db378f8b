package dev.recall.model.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.recall.model.ParameterLayout;
import dev.recall.model.RegressorSpec;
import dev.recall.model.format.TensorFile.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class ParameterTensorsTest {

  private static final ParameterLayout SEED = layout("[1, (lstm, 10), 1]", true);

  private static ParameterLayout layout(String layers, boolean peepholes) {
    return RegressorSpec.parse(layers, peepholes).layout();
  }

  private static float[] counting(int length) {
    float[] values = new float[length];
    for (int i = 0; i < length; i++) {
      values[i] = i;
    }
    return values;
  }

  private static TensorFile file(List<Tensor> tensors) {
    return new TensorFile(Map.of(), tensors);
  }

  @Test
  void vectorComesBackFromItsBlocks() throws Exception {
    float[] values = counting(521);
    List<Tensor> tensors = ParameterTensors.of("", SEED, values);
    assertThat(file(tensors).names())
        .containsExactly(
            "hid1.xh", "hid1.hh", "hid1.b", "hid1.ci", "hid1.cf", "hid1.co", "out.w", "out.b");
    assertThat(ParameterTensors.readModel(file(tensors), SEED)).isEqualTo(values);
  }

  @Test
  void vectorsWithPrefixesShareAFile() throws Exception {
    float[] velocity = counting(521);
    List<Tensor> tensors = new ArrayList<>(ParameterTensors.of("", SEED, new float[521]));
    tensors.addAll(ParameterTensors.of("optimizer.velocity.", SEED, velocity));
    tensors.addAll(ParameterTensors.of("best.", SEED, velocity));
    assertThat(ParameterTensors.read(file(tensors), "optimizer.velocity.", SEED))
        .isEqualTo(velocity);
    assertThat(ParameterTensors.readModel(file(tensors), SEED)).containsOnly(0f);
  }

  @Test
  void valuesAreCopied() {
    float[] values = counting(521);
    List<Tensor> tensors = ParameterTensors.of("", SEED, values);
    values[0] = -1;
    assertThat(tensors.get(0).values()[0]).isZero();
  }

  @Test
  void missingBlockIsNamed() {
    List<Tensor> tensors = new ArrayList<>(ParameterTensors.of("", SEED, counting(521)));
    tensors.removeIf(tensor -> tensor.name().equals("hid1.cf") || tensor.name().equals("out.b"));
    assertThatThrownBy(() -> ParameterTensors.readModel(file(tensors), SEED))
        .isInstanceOf(FormatException.class)
        .hasMessage("expected hid1.cf [10], out.b [1], found nothing, nothing");
  }

  @Test
  void blockOfAnotherShapeIsNamedWithBothShapes() {
    ParameterLayout twelve = layout("[1, (lstm, 12), 1]", true);
    List<Tensor> tensors = ParameterTensors.of("", twelve, counting(twelve.size()));
    assertThatThrownBy(() -> ParameterTensors.readModel(file(tensors), SEED))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("hid1.xh [1, 40], hid1.hh [10, 40]")
        .hasMessageContaining("found [1, 48], [12, 48]");
  }

  /** The same number of values, but not the same matrix. */
  @Test
  void transposedBlockIsRefused() {
    List<Tensor> tensors = new ArrayList<>(ParameterTensors.of("", SEED, counting(521)));
    tensors.set(6, new Tensor("out.w", List.of(1, 10), new float[10]));
    assertThatThrownBy(() -> ParameterTensors.readModel(file(tensors), SEED))
        .isInstanceOf(FormatException.class)
        .hasMessage("expected out.w [10, 1], found [1, 10]");
  }

  @Test
  void blockThatTheModelDoesNotHaveIsNamed() {
    List<Tensor> tensors = ParameterTensors.of("", SEED, counting(521));
    assertThatThrownBy(
            () -> ParameterTensors.readModel(file(tensors), layout("[1, (lstm, 10), 1]", false)))
        .isInstanceOf(FormatException.class)
        .hasMessage(
            "expected only the model's blocks [hid1.xh, hid1.hh, hid1.b, out.w, out.b],"
                + " found hid1.ci");
  }
}
