package dev.recall.model.format;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.json.JsonMapper;
import dev.recall.model.format.TensorFile.Tensor;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads and writes safetensors with float32 tensors: an eight-byte little-endian header length, a
 * JSON header, the values little-endian one tensor behind the other (Hugging Face, safetensors
 * format).
 *
 * <p>Written files carry {@code data_sha256} in their metadata, the digest of the bytes behind the
 * header, and a reader checks it where it stands. Files are untrusted: every length is checked
 * against the file before anything is allocated for it.
 */
public final class Safetensors {

  /** Metadata key of the digest of the values. */
  public static final String DIGEST = "data_sha256";

  /** Parsed, a header takes some twenty times its length. */
  private static final int MAX_HEADER = 4 << 20;

  private static final String METADATA = "__metadata__";

  private Safetensors() {}

  /**
   * Encodes a file.
   *
   * @param file tensors and metadata
   * @return the bytes of the file
   * @throws IllegalArgumentException when names and metadata take more than a reader accepts
   */
  public static byte[] encode(TensorFile file) {
    long length = 0;
    for (Tensor tensor : file.tensors()) {
      length += 4L * tensor.values().length;
    }
    ByteBuffer data = ByteBuffer.allocate(Math.toIntExact(length)).order(ByteOrder.LITTLE_ENDIAN);
    for (Tensor tensor : file.tensors()) {
      data.asFloatBuffer().put(tensor.values());
      data.position(data.position() + 4 * tensor.values().length);
    }
    Map<String, String> metadata = new LinkedHashMap<>(file.metadata());
    metadata.put(DIGEST, sha256(data.array()));
    byte[] header = header(metadata, file.tensors());
    int padded = (header.length + 7) / 8 * 8;
    if (padded > MAX_HEADER) {
      throw new IllegalArgumentException(
          "file: expected a header of at most " + MAX_HEADER + " bytes, found " + padded);
    }
    ByteBuffer out =
        ByteBuffer.allocate(Math.toIntExact(8L + padded + length)).order(ByteOrder.LITTLE_ENDIAN);
    out.putLong(padded).put(header);
    while (out.position() < 8 + padded) {
      out.put((byte) ' ');
    }
    return out.put(data.array()).array();
  }

  private static byte[] header(Map<String, String> metadata, List<Tensor> tensors) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (JsonGenerator json = new JsonFactory().createGenerator(bytes)) {
      json.writeStartObject();
      json.writeObjectFieldStart(METADATA);
      for (Map.Entry<String, String> entry : metadata.entrySet()) {
        json.writeStringField(entry.getKey(), entry.getValue());
      }
      json.writeEndObject();
      long offset = 0;
      for (Tensor tensor : tensors) {
        json.writeObjectFieldStart(tensor.name());
        json.writeStringField("dtype", "F32");
        json.writeArrayFieldStart("shape");
        for (int dimension : tensor.shape()) {
          json.writeNumber(dimension);
        }
        json.writeEndArray();
        json.writeArrayFieldStart("data_offsets");
        json.writeNumber(offset);
        offset += 4L * tensor.values().length;
        json.writeNumber(offset);
        json.writeEndArray();
        json.writeEndObject();
      }
      json.writeEndObject();
    } catch (IOException e) {
      throw new UncheckedIOException("writing to memory", e);
    }
    return bytes.toByteArray();
  }

  /**
   * Decodes a file.
   *
   * @param bytes the whole file
   * @return tensors and metadata
   * @throws FormatException saying what was expected and found, when the bytes are not such a file
   *     or not whole
   */
  public static TensorFile decode(byte[] bytes) throws FormatException {
    ByteBuffer in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
    if (bytes.length < 8) {
      throw new FormatException("a safetensors header", bytes.length + " bytes");
    }
    long headerLength = in.getLong();
    if (headerLength < 2 || headerLength > Math.min(MAX_HEADER, bytes.length - 8L)) {
      throw new FormatException(
          "a safetensors header of 2 to " + Math.min(MAX_HEADER, bytes.length - 8L) + " bytes",
          "a header length of " + Long.toUnsignedString(headerLength));
    }
    int start = 8 + (int) headerLength;
    JsonNode header = parse(text(bytes, 8, (int) headerLength));
    Map<String, String> metadata = metadata(header.path(METADATA));
    List<Tensor> tensors = tensors(header, bytes, start);
    String digest = metadata.remove(DIGEST);
    if (digest != null) {
      String found = sha256(bytes, start, bytes.length - start);
      if (!found.equals(digest)) {
        throw new FormatException("values with SHA-256 " + digest, "SHA-256 " + found);
      }
    }
    return new TensorFile(metadata, tensors);
  }

  /** From the first brace to the last, as the format wants it; of blanks only spaces behind. */
  private static String text(byte[] bytes, int offset, int length) throws FormatException {
    String text;
    try {
      text =
          StandardCharsets.UTF_8
              .newDecoder()
              .decode(ByteBuffer.wrap(bytes, offset, length))
              .toString();
    } catch (CharacterCodingException e) {
      throw new FormatException("a header in UTF-8", e.getMessage());
    }
    int end = text.length();
    while (end > 0 && text.charAt(end - 1) == ' ') {
      end--;
    }
    if (end < 2 || text.charAt(0) != '{' || text.charAt(end - 1) != '}') {
      String found = end == 0 ? "spaces" : text.charAt(0) + " to " + text.charAt(end - 1);
      throw new FormatException("a JSON object, then spaces, as header", found);
    }
    return text.substring(0, end);
  }

  private static JsonNode parse(String text) throws FormatException {
    ObjectMapper mapper =
        JsonMapper.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();
    try {
      return mapper.readTree(text);
    } catch (JsonProcessingException e) {
      throw new FormatException("a JSON header", e.getOriginalMessage());
    }
  }

  /** Half of a surrogate pair has no bytes in UTF-8: two texts would have one digest. */
  private static String whole(String text) throws FormatException {
    if (!StandardCharsets.UTF_8.newEncoder().canEncode(text)) {
      throw new FormatException("text that UTF-8 can hold", "half of a surrogate pair");
    }
    return text;
  }

  private static Map<String, String> metadata(JsonNode node) throws FormatException {
    if (!node.isMissingNode() && !node.isObject()) {
      throw new FormatException("an object under " + METADATA, node.getNodeType().name());
    }
    Map<String, String> metadata = new LinkedHashMap<>();
    for (Iterator<Map.Entry<String, JsonNode>> it = node.fields(); it.hasNext(); ) {
      Map.Entry<String, JsonNode> entry = it.next();
      if (!entry.getValue().isTextual()) {
        throw new FormatException(
            "text under " + METADATA + "." + entry.getKey(), entry.getValue().getNodeType().name());
      }
      metadata.put(whole(entry.getKey()), whole(entry.getValue().textValue()));
    }
    return metadata;
  }

  /** Header entries may stand in any order; the values behind them leave no gap and no overlap. */
  private static List<Tensor> tensors(JsonNode header, byte[] bytes, int start)
      throws FormatException {
    List<Extent> extents = new ArrayList<>();
    for (Iterator<Map.Entry<String, JsonNode>> it = header.fields(); it.hasNext(); ) {
      Map.Entry<String, JsonNode> entry = it.next();
      if (!entry.getKey().equals(METADATA)) {
        JsonNode offsets = entry.getValue().path("data_offsets");
        if (offsets.size() != 2) {
          throw new FormatException("data_offsets [from, to] of " + entry.getKey(), text(offsets));
        }
        long from = number(entry.getKey(), offsets.path(0));
        long to = number(entry.getKey(), offsets.path(1));
        extents.add(new Extent(whole(entry.getKey()), entry.getValue(), from, to));
      }
    }
    extents.sort(Comparator.comparingLong(Extent::from).thenComparingLong(Extent::to));
    List<Tensor> tensors = new ArrayList<>();
    long size = bytes.length - start;
    long end = 0;
    for (Extent extent : extents) {
      if (extent.from != end || extent.to < end || extent.to > size) {
        throw new FormatException(
            "data_offsets of " + extent.name + " from " + end + " to at most " + size,
            "[" + extent.from + ", " + extent.to + "]");
      }
      tensors.add(tensor(extent, bytes, start));
      end = extent.to;
    }
    if (end != size) {
      throw new FormatException(end + " bytes of values", size + " bytes");
    }
    return tensors;
  }

  private record Extent(String name, JsonNode header, long from, long to) {}

  private static Tensor tensor(Extent extent, byte[] bytes, int start) throws FormatException {
    String name = extent.name;
    JsonNode node = extent.header;
    long length = extent.to - extent.from;
    String type = node.path("dtype").asText("none");
    if (!type.equals("F32")) {
      throw new FormatException("dtype F32 for " + name, type);
    }
    if (!node.path("shape").isArray()) {
      throw new FormatException("a shape for " + name, node.path("shape").getNodeType().name());
    }
    List<Integer> shape = new ArrayList<>();
    long count = 1;
    for (JsonNode dimension : node.path("shape")) {
      long size = number(name, dimension);
      if (size > Integer.MAX_VALUE || count > Integer.MAX_VALUE / Math.max(1, size)) {
        throw new FormatException("at most " + Integer.MAX_VALUE + " values in " + name, "more");
      }
      shape.add((int) size);
      count *= size;
    }
    if (4 * count != length) {
      throw new FormatException(
          4 * count + " bytes for " + name + " of shape " + shape, length + " bytes");
    }
    float[] values = new float[(int) count];
    ByteBuffer.wrap(bytes, start + (int) extent.from, (int) length)
        .order(ByteOrder.LITTLE_ENDIAN)
        .asFloatBuffer()
        .get(values);
    return new Tensor(name, shape, values);
  }

  private static long number(String name, JsonNode node) throws FormatException {
    if (!node.isIntegralNumber() || !node.canConvertToLong() || node.longValue() < 0) {
      throw new FormatException("whole numbers in shape and data_offsets of " + name, text(node));
    }
    return node.longValue();
  }

  /** A number as it stands, of all else the kind: a header may hold megabytes of it. */
  private static String text(JsonNode node) {
    if (node.isMissingNode()) {
      return "nothing";
    }
    return node.isNumber() ? node.toString() : node.getNodeType().name();
  }

  /**
   * Returns the digest of parameters: SHA-256 over the values as little-endian float32, in order.
   *
   * @param values flat parameters
   * @return 64 hexadecimal digits
   */
  public static String sha256(float[] values) {
    ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(values);
    return sha256(bytes.array());
  }

  /**
   * Returns the SHA-256 of bytes.
   *
   * @param bytes what to digest
   * @return 64 hexadecimal digits
   */
  public static String sha256(byte[] bytes) {
    return sha256(bytes, 0, bytes.length);
  }

  private static String sha256(byte[] bytes, int offset, int length) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      digest.update(bytes, offset, length);
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }
}
