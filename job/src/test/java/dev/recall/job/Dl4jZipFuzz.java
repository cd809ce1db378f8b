package dev.recall.job;

import dev.recall.model.RegressorSpec;
import dev.recall.model.format.Dl4jNetwork;
import dev.recall.model.format.Dl4jZip;
import dev.recall.model.format.FormatException;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import java.util.zip.ZipOutputStream;

/** What Jazzer calls with bytes for a zip of Deeplearning4j. */
public final class Dl4jZipFuzz {

  private static final byte CUT = 0x1e; // between entries, in neither JSON nor the header

  private Dl4jZipFuzz() {}

  /** Loads the classes, which would count as time of the first input. */
  public static void fuzzerInitialize() {
    fuzzerTestOneInput(Dl4jZip.encode(network()));
  }

  /** Fails for anything but the error that the reader documents. */
  public static void fuzzerTestOneInput(byte[] input) {
    comesBack(input);
    comesBack(zipped(input));
  }

  private static void comesBack(byte[] zip) {
    try {
      Dl4jNetwork network = Dl4jZip.decode(zip);
      Dl4jNetwork again = Dl4jZip.decode(Dl4jZip.encode(network));
      if (!again.spec().equals(network.spec())
          || !Arrays.equals(again.parameters(), network.parameters())) {
        throw new IllegalStateException("not what was read");
      }
    } catch (FormatException e) {
      // Bad bytes.
    }
  }

  /** The input as the entries of a zip, so that Jazzer need not find checksums. */
  private static byte[] zipped(byte[] input) {
    String[] names = {"configuration.json", "coefficients.bin", "updaterState.bin"};
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ZipOutputStream zip = new ZipOutputStream(bytes)) {
      int from = 0;
      for (int i = 0; i < names.length && from <= input.length; i++) {
        int to = from;
        while (to < input.length && input[to] != CUT) {
          to++;
        }
        zip.putNextEntry(new ZipEntry(names[i]));
        zip.write(input, from, to - from);
        from = to + 1;
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }

  /** A whole zip, and its entries one behind the other. */
  public static void writeSeeds(Path folder) throws IOException {
    byte[] zip = Dl4jZip.encode(network());
    Files.write(folder.resolve("zip"), zip);
    ByteArrayOutputStream entries = new ByteArrayOutputStream();
    try (ZipInputStream in = new ZipInputStream(new ByteArrayInputStream(zip))) {
      while (in.getNextEntry() != null) {
        entries.write(in.readAllBytes());
        entries.write(CUT);
      }
    }
    Files.write(folder.resolve("entries"), entries.toByteArray());
  }

  private static Dl4jNetwork network() {
    RegressorSpec spec = RegressorSpec.parse("[1, (lstm, 1), 1]", true);
    float[] values = new float[spec.layout().size()];
    return Dl4jNetwork.of(spec, values, new Dl4jNetwork.RmsProp(0.1, 0.9, 1e-8, values));
  }
}
