package dev.recall.model.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.recall.model.RegressorSpec;
import dev.recall.model.format.TensorFile.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TorchStateDictTest {

  private static final RegressorSpec SPEC =
      RegressorSpec.parse("[1, (lstm, 2), (lstm, 2), 3]", false);

  private static float[] parameters(RegressorSpec spec) {
    Random random = new Random(2);
    float[] parameters = new float[spec.layout().size()];
    for (int i = 0; i < parameters.length; i++) {
      parameters[i] = (float) random.nextGaussian();
    }
    return parameters;
  }

  private static TensorFile file(List<Tensor> tensors) {
    return new TensorFile(Map.of("format", "pt"), tensors);
  }

  private static TensorFile written() {
    return file(TorchStateDict.of(SPEC, parameters(SPEC)));
  }

  private static TensorFile renamed(UnaryOperator<String> names) {
    List<Tensor> tensors = new ArrayList<>();
    for (Tensor tensor : written().tensors()) {
      tensors.add(new Tensor(names.apply(tensor.name()), tensor.shape(), tensor.values()));
    }
    return file(tensors);
  }

  private static TensorFile with(TensorFile file, String name, Integer... shape) {
    List<Tensor> tensors = new ArrayList<>(file.tensors());
    tensors.removeIf(tensor -> tensor.name().equals(name));
    int length = 1;
    for (int size : shape) {
      length *= size;
    }
    tensors.add(new Tensor(name, List.of(shape), new float[length]));
    return file(tensors);
  }

  private static TensorFile without(TensorFile file, String... names) {
    List<Tensor> tensors = new ArrayList<>(file.tensors());
    tensors.removeIf(tensor -> List.of(names).contains(tensor.name()));
    return file(tensors);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"[1, (lstm, 10), 1]", "[3, (lstm, 5), 2]", "[2, (lstm, 4), (lstm, 4), 1]"})
  void parametersComeBackBitForBit(String layers) throws FormatException {
    RegressorSpec spec = RegressorSpec.parse(layers, false);
    float[] parameters = parameters(spec);
    TensorFile file = file(TorchStateDict.of(spec, parameters));
    assertThat(TorchStateDict.isOne(file)).isTrue();
    assertThat(TorchStateDict.read(file, spec)).containsExactly(parameters);
  }

  @Test
  void theNamesAreThoseOfAModuleWithLstmAndLinear() {
    assertThat(written().tensors().stream().map(tensor -> tensor.name() + " " + tensor.shape()))
        .containsExactly(
            "lstm.weight_ih_l0 [8, 1]",
            "lstm.weight_hh_l0 [8, 2]",
            "lstm.bias_ih_l0 [8]",
            "lstm.bias_hh_l0 [8]",
            "lstm.weight_ih_l1 [8, 2]",
            "lstm.weight_hh_l1 [8, 2]",
            "lstm.bias_ih_l1 [8]",
            "lstm.bias_hh_l1 [8]",
            "linear.weight [3, 2]",
            "linear.bias [3]");
  }

  @Test
  void anyPrefixIsFoundByTheNamesBehindIt() throws FormatException {
    TensorFile bare = renamed(name -> name.replace("lstm.", "").replace("linear.", "head.0."));
    TensorFile deep = renamed(name -> name.replace("lstm.", "model.encoder.rnn."));
    assertThat(TorchStateDict.read(bare, SPEC)).containsExactly(parameters(SPEC));
    assertThat(TorchStateDict.read(deep, SPEC)).containsExactly(parameters(SPEC));
  }

  @Test
  void bothBiasesCount() throws FormatException {
    List<Tensor> tensors = new ArrayList<>(written().tensors());
    tensors.set(3, new Tensor("lstm.bias_hh_l0", List.of(8), new float[] {1, 2, 3, 4, 5, 6, 7, 8}));
    float[] expected = parameters(SPEC);
    int offset = SPEC.layout().offset("hid1.b");
    for (int i = 0; i < 8; i++) {
      expected[offset + i] += i + 1;
    }
    assertThat(TorchStateDict.read(file(tensors), SPEC)).containsExactly(expected);
  }

  @Test
  void everythingThatDoesNotFitIsNamedAtOnce() {
    TensorFile file = without(written(), "lstm.bias_hh_l1", "linear.bias");
    assertThatThrownBy(
            () ->
                TorchStateDict.read(
                    file, RegressorSpec.parse("[2, (lstm, 2), (lstm, 2), 3]", true)))
        .isInstanceOf(FormatException.class)
        .hasMessage(
            "expected model.peepholes=false, as nn.LSTM has none, lstm.weight_ih_l0 [8, 2],"
                + " lstm.bias_hh_l1 [8], beside the LSTM only an nn.Linear with weight [3, 2] and"
                + " bias [3], found true, [8, 1], nothing, [linear.weight [3, 2]]");
  }

  @Test
  void modulesThatWeDoNotHaveAreRefused() {
    assertRefused(with(written(), "lstm.weight_ih_l0_reverse", 8, 1), "bidirectional=False");
    assertRefused(with(written(), "lstm.weight_hr_l0", 1, 2), "proj_size=0");
    assertRefused(with(written(), "other.weight_ih_l0", 8, 1), "one nn.LSTM");
    assertRefused(with(written(), "lstm.weight_ih_l2", 8, 2), "no such layer");
    assertRefused(with(written(), "norm.weight", 2), "only an nn.Linear");
  }

  private static void assertRefused(TensorFile file, String reason) {
    assertThatThrownBy(() -> TorchStateDict.read(file, SPEC))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining(reason);
  }

  @Test
  void layersThatTorchDoesNotHaveAreNotWritten() {
    RegressorSpec spec = RegressorSpec.parse("[1, (lstm, 2), (lstm, 3), 1]", true);
    assertThatThrownBy(() -> TorchStateDict.of(spec, parameters(spec)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage(
            "for PyTorch's nn.LSTM: expected no peepholes, found model.peepholes=true; expected"
                + " layers of one size, found model.layers=[1, (lstm, 2), (lstm, 3), 1]");
  }
}
