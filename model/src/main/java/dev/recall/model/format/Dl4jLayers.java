package dev.recall.model.format;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.recall.model.CellSpec;
import dev.recall.model.LstmSpec;
import dev.recall.model.RegressorSpec;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Reads the JSON of a MultiLayerConfiguration as data: no class that it names is loaded. What would
 * make the network another function than the regressor is refused; what matters in training alone,
 * such as dropout or the loss, is not looked at.
 */
final class Dl4jLayers {

  private static final String CLASS = "@class";

  private final JsonNode root;
  private final List<JsonNode> layers = new ArrayList<>();

  private Dl4jLayers(JsonNode root) {
    this.root = root;
  }

  static Dl4jLayers parse(byte[] json) throws FormatException {
    JsonMapper mapper =
        JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();
    try {
      Dl4jLayers read = new Dl4jLayers(mapper.readTree(json));
      read.findLayers();
      return read;
    } catch (JsonProcessingException e) {
      throw new FormatException("JSON in configuration.json", e.getOriginalMessage());
    } catch (IOException e) {
      throw new FormatException("JSON in configuration.json", e.getMessage());
    }
  }

  private void findLayers() throws FormatException {
    if (root.has("vertices")) {
      throw new FormatException("a MultiLayerNetwork", "a ComputationGraph");
    }
    for (JsonNode conf : root.path("confs")) {
      layers.add(conf.path("layer"));
    }
    if (layers.size() < 2) {
      throw new FormatException(
          "LSTM layers and an RnnOutputLayer under confs", layers.size() + " layers");
    }
    if (!root.path("inputPreProcessors").isEmpty()) {
      throw new FormatException(
          "no inputPreProcessors", root.path("inputPreProcessors").size() + " of them");
    }
  }

  /** The regressor that the layers make. */
  RegressorSpec spec() throws FormatException {
    List<CellSpec> cells = new ArrayList<>();
    int last = layers.size() - 1;
    int inputs = size(0, "nin");
    int below = inputs;
    for (int i = 0; i < last; i++) {
      checkBelow(i, below);
      cells.add(cell(i));
      below = size(i, "nout");
    }
    expect(last, List.of("RnnOutputLayer"), CLASS);
    expect(last, List.of("ActivationIdentity"), "activationFn", CLASS);
    if (!layers.get(last).path("hasBias").asBoolean(true)) {
      throw new FormatException("layer " + last + ": hasBias true", "false");
    }
    checkBelow(last, below);
    return checked(new RegressorSpec(inputs, cells, size(last, "nout")));
  }

  private CellSpec cell(int layer) throws FormatException {
    String kind = expect(layer, List.of("LSTM", "GravesLSTM"), CLASS);
    expect(layer, List.of("ActivationTanH"), "activationFn", CLASS);
    expect(layer, List.of("ActivationSigmoid"), "gateActivationFn", CLASS);
    return new LstmSpec(size(layer, "nout"), kind.equals("GravesLSTM"));
  }

  /** So large a layout has no array. */
  private static RegressorSpec checked(RegressorSpec spec) throws FormatException {
    try {
      spec.layout();
      return spec;
    } catch (IllegalArgumentException e) {
      throw new FormatException("at most " + Integer.MAX_VALUE + " parameters", "more");
    }
  }

  private void checkBelow(int layer, int expected) throws FormatException {
    int found = size(layer, "nin");
    if (found != expected) {
      throw new FormatException("layer " + layer + ": nin " + expected, String.valueOf(found));
    }
  }

  private int size(int layer, String key) throws FormatException {
    JsonNode node = layers.get(layer).path(key);
    int most = Integer.MAX_VALUE / 4;
    if (!node.isIntegralNumber()
        || !node.canConvertToInt()
        || node.intValue() < 1
        || node.intValue() > most) {
      throw new FormatException(
          "layer " + layer + ": " + key + ", a whole number from 1 to " + most, text(node));
    }
    return node.intValue();
  }

  /** The class at a path, which must be one of Deeplearning4j's own of these names. */
  private String expect(int layer, List<String> names, String... path) throws FormatException {
    JsonNode node = layers.get(layer);
    for (String key : path) {
      node = node.path(key);
    }
    String found = simpleName(node);
    if (!names.contains(found)) {
      throw new FormatException(
          "layer " + layer + ": " + String.join(".", path) + " " + String.join(" or ", names),
          text(node));
    }
    return found;
  }

  private static String simpleName(JsonNode node) {
    String name = node.asText("");
    return name.startsWith("org.deeplearning4j.") || name.startsWith("org.nd4j.")
        ? name.substring(name.lastIndexOf('.') + 1)
        : name;
  }

  /** The name of the layers' updater, or of all of them where they differ. */
  String updater() {
    List<String> names =
        layers.stream()
            .map(layer -> simpleName(layer.path("iupdater").path(CLASS)))
            .distinct()
            .toList();
    return String.join(", ", names);
  }

  /** The layers' updater with a state, when it is RMSProp, one and the same for all of them. */
  Optional<Dl4jNetwork.RmsProp> rmsProp(float[] meanSquare) {
    JsonNode first = layers.get(0).path("iupdater");
    boolean same = true;
    for (JsonNode layer : layers) {
      same &= layer.path("iupdater").equals(first) && layer.path("biasUpdater").isEmpty();
    }
    double rate = first.path("learningRate").asDouble(Double.NaN);
    double decay = first.path("rmsDecay").asDouble(Double.NaN);
    double epsilon = first.path("epsilon").asDouble(Double.NaN);
    boolean usable =
        same
            && simpleName(first.path(CLASS)).equals("RmsProp")
            && first.path("learningRateSchedule").isEmpty()
            && Double.isFinite(rate)
            && decay >= 0
            && decay < 1
            && epsilon > 0
            && Double.isFinite(epsilon);
    return usable
        ? Optional.of(new Dl4jNetwork.RmsProp(rate, decay, epsilon, meanSquare))
        : Optional.empty();
  }

  private static String text(JsonNode node) {
    if (node.isMissingNode()) {
      return "nothing";
    }
    return node.isValueNode() ? node.toString() : node.getNodeType().name();
  }
}
