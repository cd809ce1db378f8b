package dev.recall.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.jar.Attributes;
import java.util.jar.JarFile;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The submit jar itself. Runs behind the phase package, so not with {@code mvn test}. */
class PackagedJarTest {

  private static final Path JAR = Path.of("target/recall.jar");

  @BeforeAll
  static void onlyBehindThePhasePackage() {
    assumeTrue(Boolean.getBoolean("recall.packaged"), "the jar may be an old one");
  }

  private static Attributes manifest() throws IOException {
    try (JarFile jar = new JarFile(JAR.toFile())) {
      return jar.getManifest().getMainAttributes();
    }
  }

  @Test
  void saysWhichSourcesItWasBuiltFrom() throws IOException {
    assertThat(manifest().getValue("Source-Revision")).matches("[0-9a-f]{40}|unknown");
    assertThat(manifest().getValue("Source-Dirty")).isIn("true", "false", "unknown");
  }

  @Test
  void printsVersionAndRevision() throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                JAR + File.pathSeparator + System.getProperty("java.class.path"),
                "dev.recall.job.Main",
                "--version")
            .redirectErrorStream(true)
            .start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(1, TimeUnit.MINUTES)).isTrue();
    String revision = manifest().getValue("Source-Revision");
    String dirty = "true".equals(manifest().getValue("Source-Dirty")) ? "-dirty" : "";
    assertThat(output)
        .isEqualTo(
            "recall %s%s%n",
            manifest().getValue("Implementation-Version"),
            "unknown".equals(revision) ? "" : ", revision " + revision + dirty);
  }
}
