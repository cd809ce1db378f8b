package dev.recall.job;

import dev.recall.model.format.Safetensors;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.jar.Attributes;
import java.util.jar.JarFile;
import java.util.jar.Manifest;

/**
 * Where this program comes from.
 *
 * @param version the version, or {@code (not from a jar)}
 * @param revision commit of the sources, with {@code -dirty} behind it when files were changed;
 *     nothing when the build knew none
 * @param jarSha256 digest of the jar's bytes, 64 hexadecimal digits; nothing outside a jar
 */
public record Build(String version, Optional<String> revision, Optional<String> jarSha256) {

  private static final String NO_JAR = "(not from a jar)";

  /**
   * Reads the jar that this program runs from.
   *
   * @return what its manifest says, and its digest
   */
  public static Build current() {
    return of(Main.class);
  }

  static Build of(Class<?> type) {
    URL place = type.getProtectionDomain().getCodeSource().getLocation();
    try {
      Path jar = Path.of(place.toURI());
      return Files.isRegularFile(jar)
          ? of(jar)
          : new Build(NO_JAR, Optional.empty(), Optional.empty());
    } catch (IOException e) {
      throw new UncheckedIOException(place.toString(), e);
    } catch (URISyntaxException e) {
      throw new IllegalStateException(place.toString(), e);
    }
  }

  private static Build of(Path jar) throws IOException {
    String digest = Safetensors.sha256(Files.readAllBytes(jar));
    try (JarFile file = new JarFile(jar.toFile())) {
      Attributes entries =
          Optional.ofNullable(file.getManifest()).orElseGet(Manifest::new).getMainAttributes();
      String version = entries.getValue(Attributes.Name.IMPLEMENTATION_VERSION);
      return new Build(
          Optional.ofNullable(version).orElse("(no version)"),
          revision(entries),
          Optional.of(digest));
    }
  }

  private static Optional<String> revision(Attributes entries) {
    boolean dirty = "true".equals(entries.getValue("Source-Dirty"));
    return Optional.ofNullable(entries.getValue("Source-Revision"))
        .filter(revision -> revision.matches("[0-9a-f]{40}|[0-9a-f]{64}"))
        .map(revision -> dirty ? revision + "-dirty" : revision);
  }
}
