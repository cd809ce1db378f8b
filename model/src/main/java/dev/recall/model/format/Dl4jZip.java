package dev.recall.model.format;

import dev.recall.model.RegressorSpec;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.LocalDateTime;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;

/**
 * Reads and writes the zips of Deeplearning4j's {@code ModelSerializer}, version 1.0.0-M2.1: a
 * configuration in JSON, the parameters and, for RMSProp, the updater's state. Needs nothing of
 * Deeplearning4j.
 *
 * <p>Files are untrusted: nothing in them is taken for a class or an object, entries other than
 * these three are refused by name (a normalizer is a serialized object), and what is unpacked is
 * bounded by the size of the file.
 */
public final class Dl4jZip {

  private static final String CONFIGURATION = "configuration.json";
  private static final String PARAMETERS = "coefficients.bin";
  private static final String UPDATER = "updaterState.bin";
  private static final List<String> ENTRIES = List.of(CONFIGURATION, PARAMETERS, UPDATER);

  /** Parsed, a configuration takes some twenty times its length. */
  private static final int MAX_CONFIGURATION = 4 << 20;

  /** Values hardly shrink, and the state before the first step is no longer than they are. */
  private static final int MOST_UNPACKED = 8;

  private static final int ALWAYS_UNPACKED = 1 << 20;

  private Dl4jZip() {}

  /**
   * Encodes a file that {@code ModelSerializer.restoreMultiLayerNetwork} reads.
   *
   * @param network a network; of its updater only RMSProp is written
   * @return the bytes of the file, the same for the same network
   * @throws IllegalArgumentException when the number of parameters or of its updater's state is not
   *     the model's
   */
  public static byte[] encode(Dl4jNetwork network) {
    RegressorSpec spec = network.spec();
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
      byte[] json = Dl4jConfiguration.of(network).getBytes(StandardCharsets.UTF_8);
      add(zip, CONFIGURATION, json);
      add(zip, PARAMETERS, Dl4jArray.encode(Dl4jOrder.toDl4j(spec, network.parameters())));
      if (network.rmsProp().isPresent()) {
        float[] state = network.rmsProp().get().meanSquare();
        add(zip, UPDATER, Dl4jArray.encode(Dl4jOrder.toDl4j(spec, state)));
      }
    } catch (IOException e) {
      throw new UncheckedIOException("writing to memory", e);
    }
    return bytes.toByteArray();
  }

  private static void add(ZipOutputStream zip, String name, byte[] content) throws IOException {
    ZipEntry entry = new ZipEntry(name);
    entry.setTimeLocal(LocalDateTime.of(1980, 1, 1, 0, 0)); // the zip format's first moment
    zip.putNextEntry(entry);
    zip.write(content);
    zip.closeEntry();
  }

  /**
   * Decodes a file.
   *
   * @param bytes the whole file
   * @return the network in it
   * @throws FormatException saying what was expected and found, when the bytes are not such a file,
   *     or the network in it has layers, sizes or activations that a regressor has not
   */
  public static Dl4jNetwork decode(byte[] bytes) throws FormatException {
    Map<String, byte[]> entries = entries(bytes);
    Dl4jLayers layers = Dl4jLayers.parse(entry(entries, CONFIGURATION));
    RegressorSpec spec = layers.spec();
    float[] parameters = vector(entries, PARAMETERS, spec);
    Optional<Dl4jNetwork.RmsProp> rmsProp = Optional.empty();
    if (entries.containsKey(UPDATER) && layers.rmsProp(new float[0]).isPresent()) {
      rmsProp = layers.rmsProp(vector(entries, UPDATER, spec));
    }
    return new Dl4jNetwork(spec, parameters, layers.updater(), rmsProp);
  }

  private static float[] vector(Map<String, byte[]> entries, String name, RegressorSpec spec)
      throws FormatException {
    int length = spec.layout().size();
    return Dl4jOrder.fromDl4j(spec, Dl4jArray.decode(name, entry(entries, name), length));
  }

  private static byte[] entry(Map<String, byte[]> entries, String name) throws FormatException {
    byte[] content = entries.get(name);
    if (content == null) {
      String found = entries.isEmpty() ? "none" : String.join(", ", entries.keySet());
      throw new FormatException("a zip with an entry " + name, found);
    }
    return content;
  }

  private static Map<String, byte[]> entries(byte[] bytes) throws FormatException {
    Map<String, byte[]> entries = new HashMap<>();
    long left = ALWAYS_UNPACKED + (long) MOST_UNPACKED * bytes.length;
    try (ZipInputStream zip = new ZipInputStream(new ByteArrayInputStream(bytes))) {
      ZipEntry next;
      while ((next = zip.getNextEntry()) != null) {
        String name = next.getName();
        if (!ENTRIES.contains(name) || entries.containsKey(name)) {
          throw new FormatException("entries " + String.join(", ", ENTRIES) + ", each once", name);
        }
        long most = name.equals(CONFIGURATION) ? Math.min(left, MAX_CONFIGURATION) : left;
        byte[] content = zip.readNBytes((int) Math.min(most + 1, Integer.MAX_VALUE - 8));
        if (content.length > most) {
          throw new FormatException(
              "at most " + most + " bytes in " + name + " of a zip of " + bytes.length, "more");
        }
        left -= content.length;
        entries.put(name, content);
      }
    } catch (IOException | IllegalArgumentException e) {
      throw new FormatException("a zip", "a broken one: " + e.getMessage());
    }
    return entries;
  }
}
