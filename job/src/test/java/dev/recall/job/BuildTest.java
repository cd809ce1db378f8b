package dev.recall.job;

import static org.assertj.core.api.Assertions.assertThat;

import dev.recall.model.format.Safetensors;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.jar.Attributes;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BuildTest {

  private static final String COMMIT = "0123456789abcdef0123456789abcdef01234567";
  private static final String CLASS = "dev/recall/job/BuildTest$InTheJar.class";

  @TempDir private Path folder;

  /** Stands in a jar of its own. */
  static final class InTheJar {}

  private Path jar(Map<String, String> entries) throws IOException {
    Manifest manifest = new Manifest();
    manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
    entries.forEach(manifest.getMainAttributes()::putValue);
    Path jar = folder.resolve("with a blank.jar");
    try (OutputStream file = Files.newOutputStream(jar);
        JarOutputStream out = new JarOutputStream(file, manifest);
        InputStream code = BuildTest.class.getClassLoader().getResourceAsStream(CLASS)) {
      out.putNextEntry(new JarEntry(CLASS));
      code.transferTo(out);
    }
    return jar;
  }

  private Build buildOf(Path jar) throws IOException, ClassNotFoundException {
    URL[] urls = {jar.toUri().toURL()};
    try (URLClassLoader loader = new URLClassLoader(urls, ClassLoader.getPlatformClassLoader())) {
      return Build.of(loader.loadClass(InTheJar.class.getName()));
    }
  }

  @Test
  void isWhatTheManifestSaysAndTheDigestOfTheJar() throws Exception {
    Path jar =
        jar(
            Map.of(
                "Implementation-Version",
                "1.2",
                "Source-Revision",
                COMMIT,
                "Source-Dirty",
                "false"));
    String digest = Safetensors.sha256(Files.readAllBytes(jar));
    assertThat(buildOf(jar)).isEqualTo(new Build("1.2", Optional.of(COMMIT), Optional.of(digest)));
  }

  @Test
  void marksChangedSources() throws Exception {
    Path jar = jar(Map.of("Source-Revision", COMMIT, "Source-Dirty", "true"));
    assertThat(buildOf(jar).revision()).hasValue(COMMIT + "-dirty");
    assertThat(buildOf(jar).version()).isEqualTo("(no version)");
  }

  @Test
  void hasNoRevisionThatTheBuildDidNotKnow() throws Exception {
    for (String unknown : new String[] {"unknown", "", "${source.revision}", "main"}) {
      Path jar = jar(Map.of("Source-Revision", unknown, "Source-Dirty", "unknown"));
      assertThat(buildOf(jar).revision()).as(unknown).isEmpty();
    }
    assertThat(buildOf(jar(Map.of())).revision()).isEmpty();
  }

  @Test
  void isNothingOutsideAJar() {
    assertThat(Build.current())
        .isEqualTo(new Build("(not from a jar)", Optional.empty(), Optional.empty()));
    assertThat(Commands.recall("--version").out()).isEqualTo("recall (not from a jar)\n");
  }
}
