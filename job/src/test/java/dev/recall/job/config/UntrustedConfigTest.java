package dev.recall.job.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Configuration text of people whom nobody knows: a file from elsewhere, a checkpoint's. */
class UntrustedConfigTest {

  /** What is refused takes milliseconds; without a bound it takes minutes, or all memory. */
  private static final Duration SOON = Duration.ofSeconds(20);

  private static List<String> problemsOf(ConfigSource source, String... assignments) {
    InvalidConfig invalid =
        assertTimeoutPreemptively(
            SOON,
            () ->
                catchThrowableOfType(
                    InvalidConfig.class,
                    () -> ConfigLoader.load(List.of(source), List.of(assignments))));
    assertThat(invalid).as("mistakes").isNotNull();
    assertThat(invalid.getMessage().length()).isLessThan(200_000);
    return invalid.getMessage().lines().toList();
  }

  private static List<String> problemsOf(String text) {
    return problemsOf(new ConfigSource("my.conf", text));
  }

  private static List<String> problemsOfStored(String text) {
    return problemsOf(ConfigSource.stored("a.safetensors", text));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "include \"%s\"",
        "include file(\"%s\")",
        "include url(\"file:%s\")",
        "include classpath(\"%s\")",
        "include required(\"%s\")",
        "include required(file(\"%s\"))",
        "include required(url(\"file:%s\"))",
        "include required(classpath(\"%s\"))",
        "seed = 1\ntask { include file(\"%s\") }",
        "model.layers = [1, { include file(\"%s\") }, 1]",
      })
  void noFormOfIncludeReadsAFile(String form, @TempDir Path folder) throws IOException {
    Path secret = folder.resolve("secret.conf");
    Files.writeString(secret, "seed = 4711\nsecret = yes\n");
    String text = form.formatted(secret);
    assertThat(problemsOf(text))
        .singleElement()
        .asString()
        .matches("my\\.conf:\\d: include (file:)?\\Q" + secret + "\\E: not supported; .*")
        .doesNotContain("4711");
    assertThat(problemsOfStored(text))
        .singleElement()
        .asString()
        .contains(": expected key = value with a plain value, found ");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "include classpath(\"dev/recall/job/config/reference.conf\")",
        "include \"dev/recall/job/config/reference.conf\"",
        "include package(\"dev.recall\", \"reference.conf\")",
        "include file(\"/etc/passwd\") include file(\"/dev/zero\")",
      })
  void noFormOfIncludeReadsTheClassPathOrADevice(String text) {
    assertThat(problemsOf(text)).singleElement().asString().startsWith("my.conf:1: ");
  }

  @Test
  void noFormOfIncludeOpensAConnection() throws IOException {
    try (ServerSocketChannel server = ServerSocketChannel.open()) {
      server.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
      server.configureBlocking(false);
      String url = "http://127.0.0.1:" + server.socket().getLocalPort() + "/x.conf";
      assertThat(problemsOf("include url(\"" + url + "\")"))
          .containsExactly(
              "my.conf:1: include " + url + ": not supported; give --config once per file");
      assertThat(server.accept()).as("caller").isNull();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"${PATH}", "${?PATH}${no.such}", "${java.home}", "${user.name}"})
  void environmentAndSystemPropertiesAreNotThere(String reference) {
    assertThat(problemsOf("task.kind = " + reference))
        .singleElement()
        .asString()
        .startsWith("my.conf:1: ")
        .contains("${");
  }

  private static String chain(int perKey) {
    List<String> keys =
        List.of(
            "stop.rounds",
            "stop.patience",
            "stop.seconds",
            "stop.target-loss",
            "task.steps",
            "task.remember",
            "task.features",
            "task.batch-size",
            "training.shards",
            "seed",
            "model.chrono-steps",
            "model.forget-bias",
            "checkpoint.keep",
            "spark.tasks",
            "checkpoint.every-rounds",
            "evaluation.batches",
            "report.every-rounds",
            "validation.batches",
            "validation.every-rounds",
            "model.recurrent-gain");
    return IntStream.range(1, keys.size())
            .mapToObj(
                i -> keys.get(i) + " = " + ("${" + keys.get(i - 1) + "}").repeat(perKey) + "\n")
            .collect(Collectors.joining())
        + "stop.rounds = 1111111111";
  }

  static Stream<Arguments> textsWithoutBound() {
    return Stream.of(
        Arguments.of("doubling twenty times", chain(2), "at most 16 substitutions"),
        Arguments.of("ten times each of twenty", chain(10), "at most 16 substitutions"),
        Arguments.of("self-reference", "seed = ${seed}1\n".repeat(1000), "at most 16"),
        Arguments.of("appending", "model.layers += 1\n".repeat(3000), "at most 16"),
        Arguments.of("braces", "a {".repeat(20_000), "at most 400 dots"),
        Arguments.of("brackets", "a = " + "[".repeat(60_000), "at most 400 dots"),
        Arguments.of("dots", "a" + ".a".repeat(30_000) + " = 1", "at most 400 dots"),
        Arguments.of("quoted", "\"a\"" + ".\"a\"".repeat(15_000) + "=1", "at most 400 dots"),
        Arguments.of("in a reference", "seed = ${a" + ".a".repeat(30_000) + "}", "at most 400"),
        Arguments.of("across lines", "a.a.a.a\n{\n".repeat(6_000), "at most 400 dots"),
        Arguments.of(
            "behind the end of a string",
            "a = \"\"\"\n" + "#\"\"\", a = { a = \"\"\"\n".repeat(2_500),
            "at most 400 dots"),
        Arguments.of("100,000 braces", "{".repeat(100_000), "at most 65536 characters"),
        Arguments.of("100,000 brackets", "[".repeat(100_000), "at most 65536 characters"),
        Arguments.of("20 MB", "seed = 1\n".repeat(2_300_000), "at most 65536 characters"),
        Arguments.of("20 MB of comment", "#".repeat(20_000_000), "at most 65536 characters"));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("textsWithoutBound")
  void textWithoutBoundIsRefusedBeforeItIsRead(String name, String text, String expected) {
    assertThat(problemsOf(text))
        .singleElement()
        .asString()
        .startsWith("my.conf: expected " + expected)
        .contains(", found ");
    assertThat(problemsOfStored(text)).singleElement().asString().startsWith("a.safetensors");
  }

  static Stream<Arguments> textsUpToTheBounds() {
    return Stream.of(
        Arguments.of("400 braces", "a {".repeat(400) + "}".repeat(400)),
        Arguments.of("400 brackets", "seed = " + "[".repeat(400) + "]".repeat(400)),
        Arguments.of("400 open brackets", "seed = " + "[".repeat(400)),
        Arguments.of("400 dots", "seed" + ".a".repeat(400) + " = 1"),
        Arguments.of("unknown keys", numbered("x%d = 1\n")),
        Arguments.of("unknown keys of a section", numbered("task { x%d = 1 }\n")),
        Arguments.of("one key over and over", "seed = x\n".repeat(7000)),
        Arguments.of("a key of 60,000 characters", "x".repeat(60_000) + " = 1"),
        Arguments.of("a value of 60,000 characters", "seed = " + "x".repeat(60_000)),
        Arguments.of("a value of 30,000 words", "seed = " + "x ".repeat(30_000)),
        Arguments.of("a list of 30,000 numbers", "model.layers = [" + "1,".repeat(30_000) + "1]"),
        Arguments.of("blanks", "model.layers = \"[1" + " ".repeat(60_000) + "x]\""),
        Arguments.of("a number of 60,000 digits", "stop.seconds = " + "9".repeat(60_000)),
        Arguments.of("60,000 decimals", "stop.seconds = 0." + "1".repeat(60_000)),
        Arguments.of("an exponent", "stop.seconds = 1e999999999"),
        Arguments.of("another", "training.shards = 1e999999999"),
        Arguments.of("a third", "training.optimizer.epsilon = 1e-999999999"),
        Arguments.of("one beyond int", "stop.seconds = \"1e99999999999\""),
        Arguments.of(
            "three to a value, as often as may be",
            """
            stop.seconds = %s
            stop.target-loss = ${stop.seconds}${stop.seconds}${stop.seconds}
            task.steps = ${stop.target-loss}${stop.target-loss}${stop.target-loss}
            task.kind = ${task.steps}${task.steps}${task.steps}
            task.features = ${task.kind}${task.kind}${task.kind}
            model.layers = ${task.features}${task.features}${task.features}
            """
                .formatted("1".repeat(60_000))));
  }

  private static String numbered(String line) {
    return IntStream.range(0, 3_600)
        .mapToObj(line::formatted)
        .collect(Collectors.joining())
        .substring(0, 3_000 * line.length());
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("textsUpToTheBounds")
  void textUpToTheBoundsIsReadOrAMistake(String name, String text) {
    assertThat(text).hasSizeLessThanOrEqualTo(1 << 16);
    assertTimeoutPreemptively(
        SOON,
        () -> {
          try {
            ConfigLoader.load(List.of(new ConfigSource("my.conf", text)), List.of());
          } catch (InvalidConfig e) {
            assertThat(e.getMessage().lines().toList()).hasSizeBetween(1, 101);
          }
        });
  }

  /** Or a run would begin that nobody can go on with. */
  @Test
  void settingsThatCouldNotBeStoredAreRefused() {
    assertThat(problemsOf("model.layers = [\"1\", \"(lstm,\\n 3)\", 1]"))
        .containsExactly(
            "all settings together:10: expected key = value with a plain value,"
                + " found model.layers = [1, (lstm,");
    String digits = "\"" + "0".repeat(40_000) + "1\"";
    assertThat(
            problemsOf(new ConfigSource("my.conf", "seed=" + digits), "training.shards=" + digits))
        .singleElement()
        .asString()
        .startsWith("all settings together: expected at most 65536 characters of settings, found ");
  }

  @Test
  void longAssignmentsAreRefusedToo() {
    ConfigSource nothing = new ConfigSource("my.conf", "");
    assertThat(problemsOf(nothing, "seed=" + "[".repeat(100_000)))
        .singleElement()
        .asString()
        .matches("--set seed=\\[+\\.\\.\\. \\(1000\\d\\d characters\\)");
    assertThat(problemsOf(nothing, "seed=" + "[".repeat(50_000))).hasSize(1);
    assertThat(problemsOf(nothing, "include file(\"/etc/passwd\")=1")).hasSize(1);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "seed = ${task.steps}",
        "seed = 1 # one",
        "seed : 1",
        "seed += 1",
        "task { steps = 5 }",
        "{ seed = 1 }",
        "\"seed\" = 1",
        "seed = \"1",
        "seed = \"1\" \"2\"",
        "seed = \"\"\"1\"\"\"",
        "model.layers = [1, \"x\", 1]",
        "model.layers = [${seed}]",
        "seed = 1, stop.rounds = 2",
        "seed",
        "= 1",
        "\u0000",
      })
  void storedTextIsLinesOfPlainValues(String line) {
    assertThat(problemsOfStored("# from a run\n" + line))
        .containsExactly(
            "a.safetensors:2: expected key = value with a plain value, found " + line.strip());
  }

  @Test
  void storedTextThatIsOfTheFormIsCheckedLikeAnyOther() {
    assertThat(problemsOfStored("sed = 4\ntask.steps = 0"))
        .containsExactly(
            "a.safetensors:1: unknown key sed; the nearest is seed",
            "a.safetensors:2: task.steps: expected a whole number from 1 to 2147483647, found 0");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "seed=1",
        "seed=\"7\"",
        "seed=\" 7\\t\"",
        "stop.seconds=1e-30",
        "training.optimizer.learning-rate=+0.5",
        "model.layers=\"[1, ('lstm', 3), 1]\"",
        "model.layers=[1, (lstm, 3), (4, lstm), 1]",
        "model.layers=[1, ('lstm', 3), (\"lstm\", 4), 1]",
        "training.local-steps=auto",
      })
  void whatARunStoresIsOfTheForm(String assignment) throws InvalidConfig {
    RunConfig config = Configs.of(assignment);
    String text = "# chosen: nothing\n\n" + config.text();
    RunConfig again = ConfigLoader.load(List.of(ConfigSource.stored("a", text)), List.of());
    assertThat(again.text()).isEqualTo(config.text());
  }
}
