package dev.recall.model.format;

import dev.recall.model.CellSpec;
import dev.recall.model.LstmSpec;
import dev.recall.model.ParameterLayout;
import dev.recall.model.ParameterLayout.Block;
import dev.recall.model.RegressorSpec;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * A regressor as an ONNX model: one LSTM node per recurrent layer, and the read-out as MatMul and
 * Add at every step.
 *
 * <p>Input {@code inputs} [time, batch, inputs] and output {@code outputs} [time, batch, outputs]
 * are float32 and time-major as everywhere here; time and batch are free in every call, and the
 * state begins at zero. Source: onnx.proto and Operators.md of ONNX 1.12; the field numbers below
 * are those of onnx.proto.
 */
public final class OnnxModel {

  /** The last revisions of LSTM, MatMul and Add before layouts of bfloat16: read since 2021. */
  static final int OPSET = 14;

  /** That opset 14 came with. */
  static final int IR_VERSION = 7;

  /** ONNX's gates i, o, f, c as indexes into ours, i, f, c, o. */
  private static final int[] GATES = {0, 3, 1, 2};

  private static final int FLOAT = 1; // TensorProto.DataType
  private static final int INT64 = 7;
  private static final int ATTRIBUTE_INT = 2; // AttributeProto.AttributeType
  private static final String AXIS = "direction_axis"; // of Y [time, direction, batch, units]

  private final RegressorSpec spec;
  private final ParameterLayout layout;
  private final float[] parameters;
  private final ProtobufWriter graph = new ProtobufWriter();
  private final List<ProtobufWriter> initializers = new ArrayList<>();

  private OnnxModel(RegressorSpec spec, float[] parameters) {
    this.spec = spec;
    this.layout = spec.layout();
    this.parameters = parameters;
  }

  /**
   * Encodes a model. The same arguments give the same bytes.
   *
   * @param spec its layers
   * @param parameters [parameters] in the order of the layout; read only
   * @param metadata becomes {@code metadata_props}, sorted by key; {@code recall_version} becomes
   *     the producer's version too
   * @return the bytes of the file
   * @throws IllegalArgumentException when the number of parameters is not the model's
   */
  public static byte[] encode(
      RegressorSpec spec, float[] parameters, Map<String, String> metadata) {
    if (parameters.length != spec.layout().size()) {
      throw new IllegalArgumentException(
          "parameters: expected "
              + spec.layout().size()
              + " for "
              + spec.layers()
              + ", found "
              + parameters.length);
    }
    return new OnnxModel(spec, parameters).model(metadata).toByteArray();
  }

  private ProtobufWriter model(Map<String, String> metadata) {
    ProtobufWriter model = new ProtobufWriter().number(1, IR_VERSION).text(2, "recall");
    if (metadata.containsKey("recall_version")) {
      model.text(3, metadata.get("recall_version"));
    }
    model
        .text(6, "LSTM regressor " + spec.layers() + ", trained by Recall")
        .message(7, graph())
        .message(8, new ProtobufWriter().text(1, "").number(2, OPSET));
    new TreeMap<>(metadata)
        .forEach(
            (key, value) -> model.message(14, new ProtobufWriter().text(1, key).text(2, value)));
    return model;
  }

  private ProtobufWriter graph() {
    initializers.add(integers(AXIS, 1));
    String sequence = "inputs";
    int inputs = spec.inputSize();
    for (int layer = 0; layer < spec.cells().size(); layer++) {
      CellSpec cell = spec.cells().get(layer);
      String name = RegressorSpec.layerName(layer);
      if (!(cell instanceof LstmSpec lstm)) {
        throw new IllegalArgumentException("ONNX: expected LSTM layers, found " + cell);
      }
      sequence = lstm(name, lstm, sequence, inputs);
      inputs = cell.size();
    }
    readOut(sequence);
    graph.text(2, "recall_regressor");
    initializers.forEach(tensor -> graph.message(5, tensor));
    graph.text(
        10,
        "Time-major: the first axis is time, the second the sequences of a batch."
            + " Both are free. Every sequence begins with the zero state.");
    graph.message(11, value("inputs", spec.inputSize(), "input sequences, float32"));
    graph.message(12, value("outputs", spec.outputSize(), "outputs at every step, float32"));
    return graph;
  }

  /** Adds a layer; returns the name of its output [time, batch, units]. */
  private String lstm(String name, LstmSpec lstm, String sequence, int inputs) {
    int units = lstm.size();
    List<String> arguments =
        new ArrayList<>(List.of(sequence, name + ".W", name + ".R", name + ".B"));
    initializers.add(
        floats(name + ".W", List.of(1, 4 * units, inputs), gateRows(name + ".xh", units)));
    initializers.add(
        floats(name + ".R", List.of(1, 4 * units, units), gateRows(name + ".hh", units)));
    // The second half is that of R; the two are added.
    float[] biases = Arrays.copyOf(gateRows(name + ".b", units), 8 * units);
    initializers.add(floats(name + ".B", List.of(1, 8 * units), biases));
    if (lstm.peepholes()) {
      arguments.addAll(List.of("", "", "", name + ".P")); // no lengths, no initial states
      float[] peepholes = new float[3 * units];
      System.arraycopy(values(name + ".ci"), 0, peepholes, 0, units);
      System.arraycopy(values(name + ".co"), 0, peepholes, units, units);
      System.arraycopy(values(name + ".cf"), 0, peepholes, 2 * units, units);
      initializers.add(floats(name + ".P", List.of(1, 3 * units), peepholes));
    }
    ProtobufWriter size =
        new ProtobufWriter().text(1, "hidden_size").number(3, units).number(20, ATTRIBUTE_INT);
    graph.message(1, node("LSTM", name, arguments, name + ".Y").message(5, size));
    graph.message(1, node("Squeeze", name + ".squeeze", List.of(name + ".Y", AXIS), name + ".h"));
    return name + ".h";
  }

  private void readOut(String sequence) {
    for (String name : List.of("out.w", "out.b")) {
      initializers.add(floats(name, block(name).dimensions(), values(name)));
    }
    graph.message(1, node("MatMul", "out.matmul", List.of(sequence, "out.w"), "out.xw"));
    graph.message(1, node("Add", "out.add", List.of("out.xw", "out.b"), "outputs"));
  }

  /** [rows, 4n] with our gates as [4n, rows] with ONNX's; a vector [4n] as one row. */
  private float[] gateRows(String name, int units) {
    float[] ours = values(name); // [rows, 4n]
    int width = 4 * units;
    int rows = ours.length / width;
    float[] theirs = new float[ours.length]; // [4n, rows]
    for (int to = 0; to < width; to++) {
      int from = GATES[to / units] * units + to % units;
      for (int row = 0; row < rows; row++) {
        theirs[to * rows + row] = ours[row * width + from];
      }
    }
    return theirs;
  }

  private Block block(String name) {
    return layout.find(name).orElseThrow();
  }

  private float[] values(String name) {
    Block block = block(name);
    return Arrays.copyOfRange(parameters, block.offset(), block.offset() + block.length());
  }

  private static ProtobufWriter node(
      String operator, String name, List<String> inputs, String output) {
    ProtobufWriter node = new ProtobufWriter();
    inputs.forEach(input -> node.text(1, input));
    return node.text(2, output).text(3, name).text(4, operator);
  }

  private static ProtobufWriter value(String name, int features, String doc) {
    ProtobufWriter shape =
        new ProtobufWriter()
            .message(1, new ProtobufWriter().text(2, "time"))
            .message(1, new ProtobufWriter().text(2, "batch"))
            .message(1, new ProtobufWriter().number(1, features));
    ProtobufWriter tensor = new ProtobufWriter().number(1, FLOAT).message(2, shape);
    return new ProtobufWriter()
        .text(1, name)
        .message(2, new ProtobufWriter().message(1, tensor))
        .text(3, doc + " [time, batch, " + name + "=" + features + "]");
  }

  private static ProtobufWriter floats(String name, List<Integer> shape, float[] values) {
    ByteBuffer raw =
        ByteBuffer.allocate(Math.multiplyExact(4, values.length)).order(ByteOrder.LITTLE_ENDIAN);
    raw.asFloatBuffer().put(values);
    return tensor(name, shape, FLOAT, raw);
  }

  private static ProtobufWriter integers(String name, long value) {
    ByteBuffer raw = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    return tensor(name, List.of(1), INT64, raw.putLong(0, value));
  }

  private static ProtobufWriter tensor(String name, List<Integer> shape, int type, ByteBuffer raw) {
    ProtobufWriter tensor = new ProtobufWriter();
    shape.forEach(size -> tensor.number(1, size));
    return tensor.number(2, type).text(8, name).bytes(9, raw.array());
  }
}
