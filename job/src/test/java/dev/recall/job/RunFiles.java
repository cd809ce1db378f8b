package dev.recall.job;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Reads a run's files with nothing but the JDK and Jackson, as a stranger would. */
public final class RunFiles {

  private static final Pattern TENSOR =
      Pattern.compile(
          "\"([^\"]+)\":\\{\"dtype\":\"F32\",\"shape\":\\[([\\d,]*)\\],"
              + "\"data_offsets\":\\[(\\d+),(\\d+)\\]\\}");

  private RunFiles() {}

  /** Every file and folder below a folder, with the file's bytes in hexadecimal. */
  public static Map<String, String> snapshot(Path folder) {
    Map<String, String> files = new TreeMap<>();
    try (Stream<Path> paths = Files.walk(folder)) {
      for (Path path : (Iterable<Path>) paths::iterator) {
        String content =
            Files.isDirectory(path) ? "folder" : sha256(ByteBuffer.wrap(Files.readAllBytes(path)));
        files.put(folder.relativize(path).toString(), content);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return files;
  }

  /** Names in a folder, sorted; none when it is not there. */
  public static List<String> names(Path folder) {
    try (Stream<Path> paths = Files.list(folder)) {
      return paths.map(path -> path.getFileName().toString()).sorted().toList();
    } catch (NoSuchFileException e) {
      return List.of();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** The rounds of all lines of metrics, file by file. */
  public static List<Integer> metricsRounds(Path run) {
    List<Integer> rounds = new ArrayList<>();
    for (String name : names(run.resolve("metrics"))) {
      for (String line : text(run.resolve("metrics").resolve(name)).lines().toList()) {
        rounds.add(json(line).get("round").intValue());
      }
    }
    return rounds;
  }

  /** The lines of the hash chain. */
  public static List<String> chain(Path run) {
    List<String> lines = new ArrayList<>();
    for (String name : names(run.resolve("chain"))) {
      text(run.resolve("chain").resolve(name)).lines().forEach(lines::add);
    }
    return lines;
  }

  /** A line of config.conf as an assignment for {@code --set}. */
  public static String setting(Path run, String key) {
    return text(run.resolve("config.conf"))
        .lines()
        .filter(line -> line.startsWith(key + " = "))
        .findFirst()
        .orElseThrow()
        .replaceFirst(" = ", "=");
  }

  /** The last link of the chain. */
  public static String chainHead(Path run) {
    List<String> lines = chain(run);
    return json(lines.get(lines.size() - 1)).get("link").textValue();
  }

  /** The newest checkpoint. */
  public static Path newestCheckpoint(Path run) {
    List<String> names =
        names(run.resolve("checkpoints")).stream().filter(name -> !name.startsWith(".")).toList();
    return run.resolve("checkpoints").resolve(names.get(names.size() - 1));
  }

  /** The values of each tensor, in the order in which they lie in the file. */
  public static Map<String, float[]> tensors(Path safetensors) {
    Map<String, float[]> tensors = new java.util.LinkedHashMap<>();
    parts(safetensors)
        .forEach(
            part -> {
              float[] values = new float[part.bytes.remaining() / 4];
              part.bytes.duplicate().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(values);
              tensors.put(part.name, values);
            });
    return tensors;
  }

  /** The shape of a tensor as it stands in the file, for example {@code 20,32,1}. */
  public static String shape(Path safetensors, String tensor) {
    return parts(safetensors).stream()
        .filter(part -> part.name.equals(tensor))
        .findFirst()
        .orElseThrow()
        .shape;
  }

  /** SHA-256 over the bytes of the model's blocks, one behind the other. */
  public static String parametersSha256(Path safetensors) {
    List<ByteBuffer> blocks = new ArrayList<>();
    int length = 0;
    for (Part part : parts(safetensors)) {
      if (part.name.startsWith("hid") || part.name.startsWith("out.")) {
        blocks.add(part.bytes);
        length += part.bytes.remaining();
      }
    }
    ByteBuffer all = ByteBuffer.allocate(length);
    blocks.forEach(all::put);
    return sha256(all.flip());
  }

  private record Part(String name, String shape, int from, ByteBuffer bytes) {}

  private static List<Part> parts(Path safetensors) {
    ByteBuffer file = ByteBuffer.wrap(bytes(safetensors)).order(ByteOrder.LITTLE_ENDIAN);
    int headerLength = Math.toIntExact(file.getLong());
    String header = StandardCharsets.UTF_8.decode(file.slice(8, headerLength)).toString();
    List<Part> parts = new ArrayList<>();
    Matcher matcher = TENSOR.matcher(header);
    while (matcher.find()) {
      int from = Integer.parseInt(matcher.group(3));
      int to = Integer.parseInt(matcher.group(4));
      ByteBuffer values = file.slice(8 + headerLength + from, to - from);
      parts.add(new Part(matcher.group(1), matcher.group(2), from, values));
    }
    parts.sort(Comparator.comparingInt(Part::from));
    return parts;
  }

  private static String sha256(ByteBuffer bytes) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      digest.update(bytes);
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  /** A file's bytes. */
  public static byte[] bytes(Path file) {
    try {
      return Files.readAllBytes(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A file's text. */
  public static String text(Path file) {
    return new String(bytes(file), StandardCharsets.UTF_8);
  }

  /** A file's JSON. */
  public static JsonNode json(Path file) {
    return json(text(file));
  }

  public static JsonNode json(String text) {
    try {
      return new ObjectMapper().readTree(text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
