package dev.recall.job.store;

import dev.recall.job.config.UserError;
import dev.recall.model.RegressorSpec;
import dev.recall.model.format.Dl4jNetwork;
import dev.recall.model.format.Dl4jZip;
import dev.recall.model.format.ParameterTensors;
import dev.recall.model.format.Safetensors;
import dev.recall.model.format.TensorFile;
import dev.recall.model.format.TensorFile.Tensor;
import dev.recall.model.format.TorchStateDict;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;

/** What Jazzer calls with bytes for {@code train --from}. */
public final class StartFileFuzz {

  private static final RegressorSpec SPEC = RegressorSpec.parse("[1, (lstm, 1), 1]", false);
  private static final RegressorSpec PEEPHOLES = RegressorSpec.parse("[1, (lstm, 1), 1]", true);
  private static final List<String> ENTRIES =
      List.of("configuration.json", "coefficients.bin", "updaterState.bin");

  private StartFileFuzz() {}

  /** Loads the classes, which would count as time of the first input. */
  public static void fuzzerInitialize() {
    fuzzerTestOneInput("{}\0\0".getBytes(StandardCharsets.UTF_8));
  }

  /** Fails for anything but the errors that the readers document. */
  public static void fuzzerTestOneInput(byte[] input) {
    readOrRefused(input);
    readOrRefused(withLength(input));
    readOrRefused(zipped(input));
  }

  private static void readOrRefused(byte[] bytes) {
    for (RegressorSpec spec : List.of(SPEC, PEEPHOLES)) {
      try {
        float[] parameters = StartFile.decode("given", bytes, spec).parameters();
        if (parameters.length != spec.layout().size()) {
          throw new AssertionError("expected " + spec.layout().size() + " parameters");
        }
      } catch (UserError e) {
        if (e.getMessage().length() > 10_000) {
          throw new AssertionError("a message of " + e.getMessage().length() + " characters", e);
        }
      }
    }
  }

  /** Safetensors: a header up to the first zero, then values; a wrong length would hide them. */
  private static byte[] withLength(byte[] input) {
    int length = upToZero(input, 0);
    int values = Math.max(0, input.length - length - 1);
    return ByteBuffer.allocate(8 + length + values)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putLong(length)
        .put(input, 0, length)
        .put(input, input.length - values, values)
        .array();
  }

  /** A zip: its configuration up to the first zero, then parameters; checksums would hide them. */
  private static byte[] zipped(byte[] input) {
    int length = upToZero(input, 0);
    byte[] rest = Arrays.copyOfRange(input, Math.min(input.length, length + 1), input.length);
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
      for (String name : ENTRIES) {
        zip.putNextEntry(new ZipEntry(name));
        zip.write(name.equals(ENTRIES.get(0)) ? Arrays.copyOf(input, length) : rest);
        zip.closeEntry();
      }
    } catch (IOException e) {
      throw new UncheckedIOException("writing to memory", e);
    }
    return bytes.toByteArray();
  }

  private static int upToZero(byte[] input, int from) {
    int at = from;
    while (at < input.length && input[at] != 0) {
      at++;
    }
    return at;
  }

  /** A file of each kind, and their parts with a zero between them. */
  public static void writeSeeds(Path folder) throws IOException {
    float[] parameters = new float[SPEC.layout().size()];
    Arrays.fill(parameters, 0.25f);
    write(folder, "torch", TorchStateDict.of(SPEC, parameters));
    write(folder, "recall", ParameterTensors.of("", SPEC.layout(), parameters));
    Dl4jNetwork.RmsProp rmsProp = new Dl4jNetwork.RmsProp(0.01, 0.9, 1e-8, parameters);
    byte[] zip = Dl4jZip.encode(Dl4jNetwork.of(SPEC, parameters, rmsProp));
    Files.write(folder.resolve("zip"), zip);
    ByteArrayOutputStream parts = new ByteArrayOutputStream();
    try (ZipInputStream in = new ZipInputStream(new ByteArrayInputStream(zip))) {
      in.getNextEntry();
      parts.writeBytes(in.readAllBytes());
      parts.write(0);
      in.getNextEntry();
      parts.writeBytes(in.readAllBytes());
    }
    Files.write(folder.resolve("parts-of-zip"), parts.toByteArray());
  }

  private static void write(Path folder, String name, List<Tensor> tensors) throws IOException {
    byte[] file = Safetensors.encode(new TensorFile(Map.of(), tensors));
    Files.write(folder.resolve(name), file);
    int length = (int) ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).getLong();
    String header =
        new String(file, 8, length, StandardCharsets.UTF_8)
            .stripTrailing()
            .replaceFirst("\"data_sha256\":\"\\w+\"", "");
    ByteArrayOutputStream parts = new ByteArrayOutputStream();
    parts.writeBytes((header + "\0").getBytes(StandardCharsets.UTF_8));
    parts.write(file, 8 + length, file.length - 8 - length);
    Files.write(folder.resolve("parts-of-" + name), parts.toByteArray());
  }
}
