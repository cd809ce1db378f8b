package dev.recall.model.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.recall.model.EngineCase;
import dev.recall.model.RegressorSpec;
import dev.recall.model.format.Dl4jNetwork.RmsProp;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Zips without Deeplearning4j; what it makes of them is in {@code Dl4jExchangeTest}. */
class Dl4jZipTest {

  private static final String JSON = "configuration.json";
  private static final String VALUES = "coefficients.bin";
  private static final RegressorSpec SPEC =
      RegressorSpec.parse("[1, (lstm, 2), (lstm, 3), 2]", true);

  @ParameterizedTest
  @MethodSource("dev.recall.model.EngineCase#all")
  void whatIsWrittenIsReadBack(EngineCase shape) throws FormatException {
    float[] parameters = shape.parameters(1);
    RmsProp rmsProp = new RmsProp(0.01, 0.95, 1e-8, shape.parameters(2));
    for (Dl4jNetwork network :
        new Dl4jNetwork[] {
          Dl4jNetwork.of(shape.spec(), parameters),
          Dl4jNetwork.of(shape.spec(), parameters, rmsProp)
        }) {
      Dl4jNetwork read = Dl4jZip.decode(Dl4jZip.encode(network));
      assertThat(read).usingRecursiveComparison().isEqualTo(network);
    }
  }

  @Test
  void sameNetworkGivesTheSameBytes() {
    assertThat(Dl4jZip.encode(network())).isEqualTo(Dl4jZip.encode(network()));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          layers.GravesLSTM | layers.Evil | layer 0: @class LSTM or GravesLSTM, found "org.deeplearning4j.nn.conf.layers.Evil"
          org.deeplearning4j.nn.conf.layers.GravesLSTM | com.evil.GravesLSTM | layer 0: @class LSTM or GravesLSTM, found "com.evil.GravesLSTM"
          ActivationTanH | ActivationReLU | layer 0: activationFn.@class ActivationTanH, found
          ActivationSigmoid | ActivationHardSigmoid | layer 0: gateActivationFn.@class ActivationSigmoid, found
          ActivationIdentity | ActivationSoftmax | layer 2: activationFn.@class ActivationIdentity, found
          RnnOutputLayer | OutputLayer | layer 2: @class RnnOutputLayer, found
          "hasBias" : true | "hasBias" : false | layer 2: hasBias true, found false
          "nin" : 2 | "nin" : 4 | layer 1: nin 2, found 4
          "nout" : 2 | "nout" : -1 | layer 0: nout, a whole number from 1 to 536870911, found -1
          "nout" : 2 | "nout" : 1e9 | layer 0: nout, a whole number from 1 to 536870911, found 1.0E9
          "nout" : 2 | "nout" : 536870911 | layer 1: nin 536870911, found 2
          "inputPreProcessors" : { } | "inputPreProcessors" : {"0" : {}} | no inputPreProcessors, found 1 of them
          "confs" | "vertices" | a MultiLayerNetwork, found a ComputationGraph
          "confs" | "conf" | LSTM layers and an RnnOutputLayer under confs, found 0 layers
          "dataType" : | "dataType" | JSON in configuration.json, found
          """)
  void configurationOfAnotherNetworkIsRefusedByName(String from, String to, String message)
      throws IOException {
    Map<String, byte[]> entries = unzipped(Dl4jZip.encode(network()));
    String json = new String(entries.get(JSON), StandardCharsets.UTF_8);
    assertThat(json).contains(from);
    int at = json.indexOf(from);
    String changed = json.substring(0, at) + to + json.substring(at + from.length());
    entries.put(JSON, changed.getBytes(StandardCharsets.UTF_8));
    refuses(zipped(entries), message);
  }

  @Test
  void valuesThatAreNotTheModelsAreRefused() throws IOException {
    Map<String, byte[]> entries = unzipped(Dl4jZip.encode(network()));
    byte[] values = entries.get(VALUES);
    int count = SPEC.layout().size();
    entries.put(VALUES, Dl4jArray.encode(new float[count + 1]));
    refuses(zipped(entries), "a vector of " + count + " values, found size " + (count + 1));
    entries.put(VALUES, Arrays.copyOf(values, values.length - 1));
    refuses(zipped(entries), "bytes of values: " + 4 * count + ", found " + (4 * count - 1));
    entries.put(VALUES, Arrays.copyOf(values, 30));
    refuses(zipped(entries), "an array of " + count + " floats");
    byte[] old = values.clone();
    System.arraycopy("JAVA_SERIALIZED!".getBytes(StandardCharsets.UTF_8), 0, old, 2, 16);
    entries.put(VALUES, old);
    refuses(zipped(entries), "MIXED_DATA_TYPES, found JAVA_SERIALIZED!");
  }

  @Test
  void otherEntriesAreRefusedByName() throws IOException {
    Map<String, byte[]> entries = unzipped(Dl4jZip.encode(network()));
    entries.put("preprocessor.bin", new byte[3]);
    refuses(zipped(entries), "each once, found preprocessor.bin");
    refuses(zipped(Map.of()), "a zip with an entry configuration.json, found none");
    refuses(new byte[] {1, 2, 3}, "a zip with an entry configuration.json, found none");
  }

  /** A million zeros take a kilobyte. */
  @Test
  void unpacksNoMoreThanAHundredTimesTheFile() throws IOException {
    Map<String, byte[]> entries = unzipped(Dl4jZip.encode(network()));
    entries.put(VALUES, new byte[20_000_000]);
    byte[] bomb = zipped(entries);
    assertThat(bomb).hasSizeLessThan(100_000);
    refuses(bomb, "bytes in coefficients.bin of a zip of " + bomb.length + ", found more");
  }

  /** The directory behind the entries is not needed, and is all that a prefix may lack. */
  @Test
  void anyPrefixIsRefusedOrGivesTheWholeNetwork() {
    byte[] whole = Dl4jZip.encode(network());
    int read = 0;
    for (int length = 0; length < whole.length; length++) {
      try {
        assertThat(Dl4jZip.decode(Arrays.copyOf(whole, length)).parameters())
            .isEqualTo(network().parameters());
        read++;
      } catch (FormatException e) {
        assertThat(e).hasMessageStartingWith("expected ");
      }
    }
    assertThat(read).isLessThan(whole.length / 2);
  }

  @Test
  void updatersOtherThanRmsPropGiveTheirNameAndNoState() throws IOException, FormatException {
    Map<String, byte[]> entries =
        unzipped(
            Dl4jZip.encode(
                Dl4jNetwork.of(
                    SPEC,
                    network().parameters(),
                    new RmsProp(0.1, 0.9, 1e-8, network().parameters()))));
    String json = new String(entries.get(JSON), StandardCharsets.UTF_8);
    entries.put(
        JSON, json.replace("config.RmsProp", "config.Adam").getBytes(StandardCharsets.UTF_8));
    Dl4jNetwork adam = Dl4jZip.decode(zipped(entries));
    assertThat(adam.updater()).isEqualTo("Adam");
    assertThat(adam.rmsProp()).isEmpty();
    entries.put(
        JSON, json.replaceFirst("config.RmsProp", "config.Adam").getBytes(StandardCharsets.UTF_8));
    Dl4jNetwork mixed = Dl4jZip.decode(zipped(entries));
    assertThat(mixed.updater()).isEqualTo("Adam, RmsProp");
    assertThat(mixed.rmsProp()).isEmpty();
  }

  private static Dl4jNetwork network() {
    float[] parameters = new float[SPEC.layout().size()];
    for (int i = 0; i < parameters.length; i++) {
      parameters[i] = (float) Math.sin(i);
    }
    return Dl4jNetwork.of(SPEC, parameters);
  }

  private static void refuses(byte[] zip, String message) {
    assertThatThrownBy(() -> Dl4jZip.decode(zip))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining(message);
  }

  private static Map<String, byte[]> unzipped(byte[] bytes) throws IOException {
    Map<String, byte[]> entries = new LinkedHashMap<>();
    try (ZipInputStream zip = new ZipInputStream(new ByteArrayInputStream(bytes))) {
      for (ZipEntry next = zip.getNextEntry(); next != null; next = zip.getNextEntry()) {
        entries.put(next.getName(), zip.readAllBytes());
      }
    }
    return entries;
  }

  private static byte[] zipped(Map<String, byte[]> entries) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
      for (Map.Entry<String, byte[]> entry : entries.entrySet()) {
        zip.putNextEntry(new ZipEntry(entry.getKey()));
        zip.write(entry.getValue());
      }
    }
    return bytes.toByteArray();
  }
}
