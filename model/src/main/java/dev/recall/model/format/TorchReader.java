package dev.recall.model.format;

import dev.recall.model.CellSpec;
import dev.recall.model.LstmSpec;
import dev.recall.model.ParameterLayout;
import dev.recall.model.ParameterLayout.Block;
import dev.recall.model.RegressorSpec;
import dev.recall.model.format.TensorFile.Tensor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;

/** Finds the tensors of an {@code nn.LSTM} and an {@code nn.Linear} in a file. */
final class TorchReader {

  private final Map<String, Tensor> lstm = new TreeMap<>(); // by name without prefix, still to read
  private final Map<String, Tensor> blocks = new HashMap<>(); // by name of our block
  private final List<Tensor> biases = new ArrayList<>(); // bias_hh by layer
  private final TreeSet<String> prefixes = new TreeSet<>();
  private final List<Tensor> rest = new ArrayList<>();
  private final List<String> expected = new ArrayList<>();
  private final List<String> found = new ArrayList<>();

  TorchReader(TensorFile file) {
    file.tensors().forEach(this::sort);
  }

  private void sort(Tensor tensor) {
    Matcher name = TorchStateDict.NAME.matcher(tensor.name());
    if (!name.matches()) {
      rest.add(tensor);
      return;
    }
    prefixes.add(name.group(1));
    if (!name.group(4).isEmpty()) {
      mismatch("one direction (bidirectional=False)", tensor.name());
    } else if (name.group(2).equals("weight_hr")) {
      mismatch("no projection (proj_size=0)", tensor.name());
    } else {
      lstm.put(tensor.name().substring(name.group(1).length()), tensor);
    }
  }

  private void mismatch(String wanted, String there) {
    expected.add(wanted);
    found.add(there);
  }

  /** Returns [parameters]; names all that does not fit. */
  float[] parameters(RegressorSpec spec) throws FormatException {
    if (TorchStateDict.hasPeepholes(spec)) {
      mismatch("model.peepholes=false, as nn.LSTM has none", "true");
    }
    if (prefixes.size() > 1) {
      mismatch("one nn.LSTM", prefixes.size() + " under " + prefixes);
    }
    int inputs = spec.inputSize();
    for (int layer = 0; layer < spec.cells().size(); layer++) {
      int units = spec.cells().get(layer).size();
      takeLayer(layer, inputs, units);
      inputs = units;
    }
    lstm.values().forEach(tensor -> mismatch("no such layer", described(tensor)));
    takeReadOut(spec.outputSize(), inputs);
    if (!expected.isEmpty()) {
      throw new FormatException(String.join(", ", expected), String.join(", ", found));
    }
    return flat(spec.layout());
  }

  /** Returns the layers as far as the shapes say. */
  Optional<RegressorSpec> layers() {
    List<CellSpec> cells = new ArrayList<>();
    while (true) {
      int units = ParameterTensors.size(lstm, "weight_hh_l" + cells.size(), 2, 1);
      if (units < 1 || units > Integer.MAX_VALUE / 4) {
        break;
      }
      cells.add(new LstmSpec(units, false));
    }
    int inputs = ParameterTensors.size(lstm, "weight_ih_l0", 2, 1);
    int outputs =
        rest.stream()
            .filter(tensor -> tensor.shape().size() == 1)
            .mapToInt(tensor -> tensor.shape().get(0))
            .findFirst()
            .orElse(0);
    return cells.isEmpty() || inputs < 1 || outputs < 1
        ? Optional.empty()
        : Optional.of(new RegressorSpec(inputs, cells, outputs));
  }

  private void takeLayer(int layer, int inputs, int units) {
    String ours = RegressorSpec.layerName(layer);
    blocks.put(ours + ".xh", take("weight_ih_l" + layer, List.of(4 * units, inputs)));
    blocks.put(ours + ".hh", take("weight_hh_l" + layer, List.of(4 * units, units)));
    blocks.put(ours + ".b", take("bias_ih_l" + layer, List.of(4 * units)));
    biases.add(take("bias_hh_l" + layer, List.of(4 * units)));
  }

  private Tensor take(String name, List<Integer> shape) {
    Tensor tensor = lstm.remove(name);
    if (tensor == null || !tensor.shape().equals(shape)) {
      String prefix = prefixes.isEmpty() ? "" : prefixes.first();
      mismatch(prefix + name + " " + shape, tensor == null ? "nothing" : "" + tensor.shape());
    }
    return tensor;
  }

  private static String described(Tensor tensor) {
    return tensor.name() + " " + tensor.shape();
  }

  /** What is not of the LSTM: a weight [outputs, units] and a bias [outputs], in any order. */
  private void takeReadOut(int outputs, int units) {
    List<Integer> weight = List.of(outputs, units);
    List<Integer> bias = List.of(outputs);
    rest.sort((a, b) -> Integer.compare(b.shape().size(), a.shape().size()));
    List<List<Integer>> shapes = rest.stream().map(Tensor::shape).toList();
    if (!shapes.equals(List.of(weight, bias))) {
      mismatch(
          "beside the LSTM only an nn.Linear with weight " + weight + " and bias " + bias,
          rest.stream().map(TorchReader::described).toList().toString());
      return;
    }
    blocks.put("out.w", rest.get(0));
    blocks.put("out.b", rest.get(1));
  }

  private float[] flat(ParameterLayout layout) {
    float[] parameters = new float[layout.size()];
    for (Block block : layout.blocks()) {
      float[] values = blocks.get(block.name()).values();
      List<Integer> shape = block.dimensions();
      if (shape.size() == 2) {
        values = TorchStateDict.transposed(values, shape.get(1), shape.get(0));
      }
      System.arraycopy(values, 0, parameters, block.offset(), block.length());
    }
    for (int layer = 0; layer < biases.size(); layer++) {
      int offset = layout.offset(RegressorSpec.layerName(layer) + ".b");
      float[] more = biases.get(layer).values();
      for (int i = 0; i < more.length; i++) {
        parameters[offset + i] += more[i];
      }
    }
    return parameters;
  }
}
