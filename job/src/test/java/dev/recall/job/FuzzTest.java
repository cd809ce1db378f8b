package dev.recall.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Jazzer's inputs, guided by coverage, to the readers of what others wrote. It has a process of its
 * own: Jazzer looks at every class that is loaded, and Spark's are many. {@code
 * -Drecall.fuzz.seconds=600} takes inputs for that long instead of a number of them.
 */
@Tag("slow")
class FuzzTest {

  private static final String SECONDS = System.getProperty("recall.fuzz.seconds");
  private static final String INSTRUMENTED = "dev.recall.**:com.typesafe.config.**";
  private static final List<String> JARS = List.of("jazzer", "config-", "jackson-", "recall-");
  private static final Pattern DONE = Pattern.compile("(?m)^Done (\\d+) runs in ");
  private static final Pattern REPRODUCER = Pattern.compile("Test unit written to (\\S+)");

  @TempDir private Path folder;

  @Test
  void whatOthersWroteIsReadOrRefused() throws IOException, InterruptedException {
    ReadersFuzz.writeSeeds(seeds());
    fuzz("readers", ReadersFuzz.class, 1_000);
  }

  /** Or no findings would mean nothing. */
  @Test
  void aFindingFailsAndGivesItsInput() throws IOException, InterruptedException {
    Files.writeString(seeds().resolve("bad"), "bad");
    String message = "no failure";
    try {
      fuzz("faulty", Faulty.class, 10);
    } catch (AssertionError e) {
      message = e.getMessage();
    }
    Matcher kept =
        Pattern.compile("1 finding, input in (\\S+), hexadecimal 626164\n").matcher(message);
    assertThat(kept.find()).as(message).isTrue();
    Path input = Path.of(kept.group(1));
    assertThat(input).hasContent("bad");
    Files.delete(input);
  }

  /** A target with a mistake. */
  public static final class Faulty {

    private Faulty() {}

    /** Fails for one input. */
    public static void fuzzerTestOneInput(byte[] input) {
      if (Arrays.equals(input, new byte[] {'b', 'a', 'd'})) {
        throw new IllegalStateException("as it should");
      }
    }
  }

  private Path seeds() throws IOException {
    return Files.createDirectories(folder.resolve("inputs"));
  }

  private void fuzz(String name, Class<?> target, int inputs)
      throws IOException, InterruptedException {
    Path log = folder.resolve("log");
    Process process =
        new ProcessBuilder(command(target, inputs))
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .redirectOutput(log.toFile())
            .start();
    try {
      long limit = SECONDS == null ? 300 : 300 + Long.parseLong(SECONDS);
      assertThat(process.waitFor(limit, TimeUnit.SECONDS)).as("ends by itself").isTrue();
    } finally {
      process.destroyForcibly();
    }
    judge(name, process.exitValue(), RunFiles.text(log));
  }

  private List<String> command(Class<?> target, int inputs) {
    String length =
        SECONDS == null ? "-runs=" + inputs : "-max_total_time=" + Long.parseLong(SECONDS);
    return List.of(
        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "-XX:TieredStopAtLevel=" + (SECONDS == null ? 1 : 4), // a second compiler pays later
        "-XX:+UseSerialGC",
        "-Xmx512m",
        "-Djava.io.tmpdir=" + folder,
        "-cp",
        classPath(),
        "com.code_intelligence.jazzer.Jazzer",
        "--target_class=" + target.getName(),
        "--instrumentation_includes=" + INSTRUMENTED,
        "--custom_hook_includes=" + INSTRUMENTED,
        "--reproducer_path=" + folder,
        "-artifact_prefix=" + folder + "/",
        "-seed=1",
        "-timeout=30",
        "-max_len=16384",
        length,
        folder.resolve("inputs").toString());
  }

  private static String classPath() {
    return Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
        .filter(entry -> Files.isDirectory(Path.of(entry)) || isNeeded(new File(entry).getName()))
        .collect(Collectors.joining(File.pathSeparator));
  }

  private static boolean isNeeded(String jar) {
    return JARS.stream().anyMatch(jar::startsWith);
  }

  private static void judge(String name, int exitCode, String log) throws IOException {
    Matcher done = DONE.matcher(log);
    if (exitCode == 0 && done.find()) {
      long inputs = Long.parseLong(done.group(1));
      System.out.printf(Locale.ROOT, "fuzz %s: %,d inputs, 0 findings%n", name, inputs);
      return;
    }
    Matcher reproducer = REPRODUCER.matcher(log);
    if (reproducer.find()) {
      byte[] input = Files.readAllBytes(Path.of(reproducer.group(1)));
      Path kept = Files.createTempFile("recall-fuzz-" + name + "-", ".input");
      Files.write(kept, input);
      String shown = HexFormat.of().formatHex(Arrays.copyOf(input, Math.min(input.length, 2000)));
      throw new AssertionError(
          "fuzz " + name + ": 1 finding, input in " + kept + ", hexadecimal " + shown + "\n" + log);
    }
    if (log.contains("UnsatisfiedLinkError")) {
      String reason = "Jazzer has no library for this platform";
      System.out.printf("fuzz %s: skipped, %s%n", name, reason);
      abort(reason);
    }
    throw new AssertionError("fuzz " + name + ": exit code " + exitCode + "\n" + log);
  }
}
