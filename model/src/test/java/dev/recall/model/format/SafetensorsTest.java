package dev.recall.model.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.management.ThreadMXBean;
import dev.recall.model.GlorotInitializer;
import dev.recall.model.ParameterLayout;
import dev.recall.model.RegressorSpec;
import dev.recall.model.format.TensorFile.Tensor;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class SafetensorsTest {

  private static final Duration SOON = Duration.ofSeconds(20);

  private static final float[] ODD_FLOATS = {
    0f,
    -0f,
    Float.MIN_VALUE,
    -Float.MIN_VALUE,
    Float.MIN_NORMAL,
    Float.MAX_VALUE,
    Float.POSITIVE_INFINITY,
    Float.NEGATIVE_INFINITY,
    Float.NaN,
    Float.intBitsToFloat(0x7fc12345), // a quiet NaN with a payload
    Float.intBitsToFloat(0xffc00001),
    0.1f
  };

  @Test
  void everyBitComesBack() throws Exception {
    TensorFile file =
        new TensorFile(
            Map.of(),
            List.of(
                new Tensor("a", List.of(3, 4), ODD_FLOATS),
                new Tensor("scalar", List.of(), new float[] {7}),
                new Tensor("nothing", List.of(0, 5), new float[0]),
                new Tensor("cube", List.of(1, 2, 1), new float[] {8, 9})));
    assertSame(Safetensors.decode(Safetensors.encode(file)), file);
  }

  @Test
  void metadataComesBackInItsOrder() throws Exception {
    Map<String, String> metadata = new LinkedHashMap<>();
    metadata.put("zeta", "1");
    metadata.put("config", "a {\n  \"b\" = c\\d\t\u0000 }\u00e9\u6f22\ud83d\ude00");
    metadata.put("alpha", "");
    TensorFile file = new TensorFile(metadata, List.of(new Tensor("a", List.of(0), new float[0])));
    TensorFile copy = Safetensors.decode(Safetensors.encode(file));
    assertThat(new ArrayList<>(copy.metadata().entrySet()))
        .isEqualTo(new ArrayList<>(metadata.entrySet()));
  }

  @Test
  void fileWithoutTensorsComesBack() throws Exception {
    TensorFile file = new TensorFile(Map.of("k", "v"), List.of());
    TensorFile copy = Safetensors.decode(Safetensors.encode(file));
    assertThat(copy.metadata()).isEqualTo(file.metadata());
    assertThat(copy.tensors()).isEmpty();
  }

  @Test
  void sameFileGivesTheSameBytes() {
    assertThat(Safetensors.encode(example())).isEqualTo(Safetensors.encode(example()));
  }

  /** What any other reader of the format relies on, read here by hand. */
  @Test
  void headerIsJsonAndValuesBeginAtAMultipleOfEight() throws Exception {
    for (int length = 0; length < 16; length++) { // headers of all lengths modulo 8
      String key = "x".repeat(length);
      TensorFile file = new TensorFile(Map.of("key" + key, ""), example().tensors());
      byte[] bytes = Safetensors.encode(file);
      ByteBuffer in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
      int header = Math.toIntExact(in.getLong());
      assertThat(header % 8).isZero();
      assertThat(bytes).hasSize(8 + header + 4 * 8);
      assertThat(bytes[8]).isEqualTo((byte) '{');
      String text = new String(bytes, 8, header, StandardCharsets.UTF_8);
      assertThat(text.stripTrailing()).endsWith("}");
      JsonNode json = new ObjectMapper().readTree(text);
      assertThat(json.path("__metadata__").has("key" + key)).isTrue();
      assertThat(json.path("a").toString())
          .isEqualTo("{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[0,24]}");
      assertThat(json.path("b").toString())
          .isEqualTo("{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[24,32]}");
      assertThat(in.getFloat(8 + header + 24)).isEqualTo(7f);
    }
  }

  @Test
  void digestOfParametersIsThatOfTheirLittleEndianBytes() {
    // printf '\0\0\200\77\0\0\0\300' | sha256sum
    assertThat(Safetensors.sha256(new float[] {1f, -2f}))
        .isEqualTo("ee4ac73c2bd27756ab82780f27c73a7bc4d3f0bb6acb37e008bc27eccd7e588b");
    assertThat(Safetensors.sha256(new float[0]))
        .isEqualTo("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  }

  @Test
  void entriesInAnotherOrderAndSpacesAreRead() throws Exception {
    String header =
        "{ \"b\" : {\"data_offsets\":[4, 8], \"shape\":[1],\"dtype\":\"F32\"},\n"
            + " \"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4],\"shape\":[1]}}  ";
    TensorFile file = Safetensors.decode(bytes(header, 1f, 2f));
    assertThat(file.names()).containsExactly("a", "b");
    assertThat(file.find("a").orElseThrow().values()).containsExactly(1f);
    assertThat(file.find("b").orElseThrow().values()).containsExactly(2f);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{'a':{'dtype':'F32','shape':[1],'data_offsets':[4,8]}}   | data_offsets of a from 0",
        "{'a':{'dtype':'F32','shape':[1],'data_offsets':[0,4]}}   | expected 4 bytes of values",
        "{'a':{'dtype':'F32','shape':[3],'data_offsets':[0,12]}}  | data_offsets of a from 0",
        "{'a':{'dtype':'F32','shape':[2],'data_offsets':[8,0]}}   | data_offsets of a from 0",
        "{'a':{'dtype':'F32','shape':[2],'data_offsets':[-8,0]}}  | whole numbers",
        "{'a':{'dtype':'F32','shape':[2],'data_offsets':[0]}}     | data_offsets [from, to] of a",
        "{'a':{'dtype':'F32','shape':[2],'data_offsets':[0,8,8]}} | data_offsets [from, to] of a",
        "{'a':{'dtype':'F32','shape':[2],'data_offsets':8}}       | data_offsets [from, to] of a",
        "{'a':{'dtype':'F32','shape':[2]}}                        | found nothing",
        "{'a':{'dtype':'F32','shape':[2],'data_offsets':[0,8.0]}} | whole numbers",
        "{'a':{'dtype':'F32','shape':[2],'data_offsets':[0,1e1]}} | whole numbers",
        "{'a':{'dtype':'F32','shape':[2],'data_offsets':[0,99999999999999999999]}} | whole numbers",
        "{'a':{'dtype':'F32','shape':[2],'data_offsets':[0,9223372036854775807]}}"
            + " | data_offsets of a",
        "{'a':{'dtype':'F32','shape':[3],'data_offsets':[0,8]}}   | expected 12 bytes for a",
        "{'a':{'dtype':'F32','shape':2,'data_offsets':[0,8]}}     | a shape for a",
        "{'a':{'dtype':'F32','shape':['2'],'data_offsets':[0,8]}} | whole numbers",
        "{'a':{'dtype':'F32','shape':[-1,-2],'data_offsets':[0,8]}} | whole numbers",
        "{'a':{'dtype':'F64','shape':[1],'data_offsets':[0,8]}}   | dtype F32 for a, found F64",
        "{'a':{'shape':[2],'data_offsets':[0,8]}}                 | dtype F32 for a, found none",
        "{'a':{'dtype':'F32','shape':[2147483647,2147483647],'data_offsets':[0,8]}} | at most",
        "{'a':{'dtype':'F32','shape':[65536,65536],'data_offsets':[0,8]}} | at most",
        "{'a':{'dtype':'F32','shape':[4294967298],'data_offsets':[0,8]}} | at most",
        "{'a':{'dtype':'F32','shape':[1],'data_offsets':[0,4]},"
            + "'b':{'dtype':'F32','shape':[2],'data_offsets':[0,8]}} | data_offsets of b from 4",
        "{'a':{'dtype':'F32','shape':[1],'data_offsets':[0,4]},"
            + "'a':{'dtype':'F32','shape':[1],'data_offsets':[4,8]}} | Duplicate field 'a'",
        "{'a':[0,8]}         | data_offsets [from, to] of a",
        "{'a':null}          | data_offsets [from, to] of a",
        "{}                  | expected 0 bytes of values, found 8 bytes",
        "[]                  | a JSON object",
        "null                | a JSON object",
        "`      `            | a JSON object",
        "{} {}               | a JSON header",
        "{'a                 | a JSON object",
        "{'a}                | a JSON header",
        "{'\\ud800':1}        | data_offsets",
        "{'\\ud800':{'dtype':'F32','shape':[2],'data_offsets':[0,8]}} | half of a surrogate pair",
        "{'__metadata__':{'\\udfff':''}} | half of a surrogate pair",
        "{'__metadata__':{'k':'\\ud800 \\udc00'}} | half of a surrogate pair",
        "{'a':{'dtype':'F32','shape':[2],'data_offsets':[0,8]},"
            + "'\\u0061':{'dtype':'F32','shape':[0],'data_offsets':[8,8]}} | Duplicate field 'a'",
        "{'__metadata__':1,'a':{'dtype':'F32','shape':[2],'data_offsets':[0,8]}}"
            + " | an object under __metadata__, found NUMBER",
        "{'__metadata__':{'k':1}} | text under __metadata__.k",
        "{'__metadata__':{'k':'1','k':'2'}} | Duplicate field 'k'",
        "{'__metadata__':{'data_sha256':'00'},"
            + "'a':{'dtype':'F32','shape':[2],'data_offsets':[0,8]}} | values with SHA-256 00",
      })
  void headerThatDoesNotFitIsRefusedByName(String header, String message) {
    byte[] bytes = bytes(header.replace("'", "\""), 1f, 2f);
    assertThatThrownBy(() -> Safetensors.decode(bytes))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining(message.strip())
        .hasMessageStartingWith("expected ")
        .hasMessageContaining(", found ");
  }

  @Test
  void fileCutAnywhereIsRefused() {
    byte[] bytes = Safetensors.encode(example());
    for (int length = 0; length < bytes.length; length++) {
      byte[] part = Arrays.copyOf(bytes, length);
      assertThatThrownBy(() -> Safetensors.decode(part)).isInstanceOf(FormatException.class);
    }
    byte[] longer = Arrays.copyOf(bytes, bytes.length + 1);
    assertThatThrownBy(() -> Safetensors.decode(longer)).isInstanceOf(FormatException.class);
  }

  /**
   * Any one byte with one bit, three or all of them flipped: the file is refused, by the format or
   * as lacking a block of the model, or it holds the very parameters. Metadata other than the
   * digest has no digest.
   */
  @Test
  void flippedByteNeverChangesParameters() {
    ParameterLayout layout = RegressorSpec.parse("[1, (lstm, 1), 1]", true).layout();
    float[] parameters =
        new GlorotInitializer(1, 1).initialize(RegressorSpec.parse("[1, (lstm, 1), 1]", true), 1);
    TensorFile file =
        new TensorFile(Map.of("round", "12"), ParameterTensors.of("", layout, parameters));
    byte[] bytes = Safetensors.encode(file);
    int accepted = 0;
    int refused = 0;
    for (int at = 0; at < bytes.length; at++) {
      byte right = bytes[at];
      for (int mask : new int[] {1, 2, 4, 8, 16, 32, 64, 128, 255, 7}) {
        bytes[at] = (byte) (right ^ mask);
        try {
          float[] read = ParameterTensors.readModel(Safetensors.decode(bytes), layout);
          if (!Arrays.equals(read, parameters)) {
            Assertions.fail("byte " + at + " with mask " + mask + " changed the parameters");
          }
          accepted++;
        } catch (FormatException e) {
          refused++;
        }
      }
      bytes[at] = right;
    }
    assertThat(accepted).as("changes in metadata").isPositive();
    assertThat(refused).isGreaterThan(9 * accepted);
  }

  @Test
  void flippedByteOfTheValuesIsNamedByDigest() {
    byte[] bytes = Safetensors.encode(example());
    for (int at = bytes.length - 32; at < bytes.length; at++) {
      bytes[at] ^= 1;
      assertThatThrownBy(() -> Safetensors.decode(bytes))
          .isInstanceOf(FormatException.class)
          .hasMessageMatching("expected values with SHA-256 .{64}, found SHA-256 .{64}");
      bytes[at] ^= 1;
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {0, 1, 33, 1L << 31, (1L << 32) + 8, Long.MAX_VALUE, -1, Long.MIN_VALUE})
  void headerLengthBeyondTheFileIsRefused(long length) {
    byte[] bytes = new byte[40];
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putLong(length);
    assertThatThrownBy(() -> Safetensors.decode(bytes))
        .isInstanceOf(FormatException.class)
        .hasMessage(
            "expected a safetensors header of 2 to 32 bytes, found a header length of "
                + Long.toUnsignedString(length));
  }

  @ParameterizedTest
  @ValueSource(strings = {"[", "{\"a\":", "{\"a\":[", "{\"__metadata__\":["})
  void deeplyNestedHeaderIsRefusedAtOnce(String open) {
    byte[] bytes = bytes("{\"a\":" + open.repeat(100_000) + "}");
    assertRefusedSoon(bytes, "a JSON header");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {" {}", "{}\t", "{}\n ", "{} \r", "{} \u0000", "\ufeff{}", "{}\u00a0", "  "})
  void aroundTheHeaderAreNoBlanksButSpacesBehindIt(String header) {
    assertRefusedSoon(bytes(header), "a JSON object, then spaces, as header");
  }

  private static final String TENSOR = "{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}";

  /** As long as a header may be. */
  private static byte[] filled(String start, String middle, String end) {
    int count = ((4 << 20) - start.length() - end.length()) / middle.formatted(999_999).length();
    StringBuilder text = new StringBuilder(start);
    for (int i = 0; i < count; i++) {
      text.append(middle.formatted(100_000 + i));
    }
    return bytes(text.append(end).toString());
  }

  static Stream<Arguments> hugeHeaders() {
    String open = "{\"a\":{\"dtype\":\"F32\",\"shape\":[";
    return Stream.of(
        Arguments.of("a number of megabytes", filled(open, "9", "]}}"), "a JSON header"),
        Arguments.of("a fraction of megabytes", filled(open + "0.", "9", "]}}"), "a JSON header"),
        Arguments.of(
            "an exponent",
            bytes(open + "1e999999999],\"data_offsets\":[0,1e999999999]}}"),
            "whole numbers"),
        Arguments.of(
            "many dimensions",
            filled(open, "2147483647,", "0],\"data_offsets\":[0,0]}}"),
            "at most 2147483647 values in a"),
        Arguments.of(
            "many ones",
            filled(open, "1,", "1],\"data_offsets\":[0,0]}}"),
            "4 bytes for a of shape [1, 1, "),
        Arguments.of(
            "many keys", filled("{\"n\":0", ",\"%d\":0", "}"), "data_offsets [from, to] of n"),
        Arguments.of("a long name", filled("{\"", "x", "\":0}"), "data_offsets [from, to] of xxx"),
        Arguments.of(
            "a long type",
            filled("{\"a\":{\"dtype\":\"", "x", "\",\"data_offsets\":[0,0]}}"),
            "dtype F32 for a, found xxx"),
        Arguments.of("escapes", filled("{\"", "\\u0000", "\":0}"), "data_offsets [from, to] of"),
        Arguments.of(
            "many objects", filled("{\"a\":[0", ",{\"\":0}", "]}"), "data_offsets [from, to] of a"),
        Arguments.of(
            "many lists", filled("{\"a\":[0", ",[]", "]}"), "data_offsets [from, to] of a"),
        Arguments.of("the same key", filled("{\"a\":0", ",\"a\":0", "}"), "Duplicate field 'a'"),
        Arguments.of(
            "the same tensor's bytes",
            filled(
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}",
                ",\"%d\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}",
                "}"),
            "data_offsets of "),
        Arguments.of("not closed", filled("{", "\"%d\":{", "}"), "a JSON header"));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("hugeHeaders")
  void hugeHeaderNeitherHangsNorFillsTheMemory(String name, byte[] bytes, String message) {
    assertRefusedSoon(bytes, message);
  }

  @Test
  void tensorsWithoutValuesMayBeMany() {
    byte[] bytes = filled("{\"a\":" + TENSOR, ",\"%d\":" + TENSOR, "}");
    ParameterLayout many =
        RegressorSpec.parse("[1" + ", (lstm, 1)".repeat(370) + ", 1]", true).layout();
    Assertions.assertTimeoutPreemptively(
        SOON,
        () -> {
          TensorFile file = Safetensors.decode(bytes);
          assertThat(file.names()).hasSizeGreaterThan(60_000);
          assertThatThrownBy(() -> ParameterTensors.readModel(file, many))
              .isInstanceOf(FormatException.class)
              .hasMessageContaining("hid1.xh [1, 4]");
        });
  }

  @Test
  void modelLargerThanTheFileTakesNoMemory() {
    ParameterLayout large = RegressorSpec.parse("[1, (lstm, 20000), 1]", true).layout();
    TensorFile file = example();
    assertThatThrownBy(() -> ParameterTensors.read(file, "", large))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("hid1.hh [20000, 80000]");
  }

  @Test
  void headerThatNoReaderTakesIsNotWritten() {
    TensorFile file = new TensorFile(Map.of("k", "x".repeat(4 << 20)), List.of());
    assertThatThrownBy(() -> Safetensors.encode(file))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("file: expected a header of at most 4194304 bytes, found 41944");
  }

  @ParameterizedTest
  @ValueSource(ints = {0x80, 0xc0, 0xff, 0xed})
  void headerThatIsNotUtf8IsRefused(int value) {
    byte[] bytes = bytes("{\"a?\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}");
    bytes[11] = (byte) value;
    assertRefusedSoon(bytes, "a header in UTF-8");
  }

  /** Of the time, a hundredth; of the memory, a half. */
  private static void assertRefusedSoon(byte[] bytes, String message) {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    Assertions.assertTimeoutPreemptively(
        SOON,
        () -> {
          long before = threads.getCurrentThreadAllocatedBytes();
          assertThatThrownBy(() -> Safetensors.decode(bytes))
              .isInstanceOf(FormatException.class)
              .hasMessageContaining(message)
              .satisfies(e -> assertThat(e.getMessage()).hasSizeLessThan(2200));
          long taken = threads.getCurrentThreadAllocatedBytes() - before;
          assertThat(taken).as("bytes allocated").isLessThan(512L << 20);
        });
  }

  @Test
  void tensorWithAnotherNumberOfValuesThanItsShapeIsRefused() {
    assertThatThrownBy(() -> new Tensor("a", List.of(2, 3), new float[5]))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("tensor a: expected 6 values for shape [2, 3], found 5");
  }

  private static TensorFile example() {
    return new TensorFile(
        Map.of("round", "12"),
        List.of(
            new Tensor("a", List.of(2, 3), new float[] {1, 2, 3, 4, 5, 6}),
            new Tensor("b", List.of(2), new float[] {7, 8})));
  }

  /** A file put together by hand. */
  private static byte[] bytes(String header, float... values) {
    byte[] text = header.getBytes(StandardCharsets.UTF_8);
    ByteBuffer out = ByteBuffer.allocate(8 + text.length + 4 * values.length);
    out.order(ByteOrder.LITTLE_ENDIAN).putLong(text.length).put(text);
    for (float value : values) {
      out.putFloat(value);
    }
    return out.array();
  }

  private static void assertSame(TensorFile actual, TensorFile expected) {
    assertThat(actual.metadata()).isEqualTo(expected.metadata());
    assertThat(actual.names()).isEqualTo(expected.names());
    for (int i = 0; i < expected.tensors().size(); i++) {
      Tensor a = actual.tensors().get(i);
      Tensor e = expected.tensors().get(i);
      assertThat(a.shape()).isEqualTo(e.shape());
      assertThat(rawBits(a.values())).isEqualTo(rawBits(e.values()));
    }
  }

  private static int[] rawBits(float[] values) {
    int[] bits = new int[values.length];
    for (int i = 0; i < bits.length; i++) {
      bits[i] = Float.floatToRawIntBits(values[i]);
    }
    return bits;
  }
}
