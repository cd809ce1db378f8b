package dev.recall.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;

/** The files of deploy/schedule, held to what reads them. */
class ScheduleTest {

  private static final Path ROOT = root();

  @TempDir private Path folder;

  private static Path root() {
    Path at = Path.of("").toAbsolutePath();
    while (!Files.exists(at.resolve("deploy/schedule"))) {
      at = at.getParent();
    }
    return at;
  }

  private static String read(String file) {
    return RunFiles.text(ROOT.resolve("deploy/schedule").resolve(file));
  }

  private record Answer(int code, String text) {}

  private static Answer answer(String... command) throws IOException, InterruptedException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(1, TimeUnit.MINUTES)).isTrue();
    return new Answer(process.exitValue(), text);
  }

  private static void assumeThereIs(String program) {
    boolean there =
        Pattern.compile(":")
            .splitAsStream(System.getenv("PATH"))
            .anyMatch(path -> Files.isExecutable(Path.of(path, program)));
    if (!there) {
      System.out.println("skipped: there is no " + program + " here");
    }
    assumeTrue(there, "there is no " + program + " here");
  }

  /** It ends with 0 for a key that it does not know too, and says so. */
  @Test
  void systemdAcceptsTheUnits() throws IOException, InterruptedException {
    assumeThereIs("systemd-analyze");
    List<String> command =
        new ArrayList<>(List.of("systemd-analyze", "verify", "--man=no", "--recursive-errors=no"));
    for (String unit : List.of("recall-retrain.service", "recall-retrain.timer")) {
      Path copy = folder.resolve(unit);
      Files.writeString(copy, read(unit).replace("/opt/recall/", ROOT + "/"));
      command.add(copy.toString());
    }
    Answer answer = answer(command.toArray(new String[0]));
    assertThat(answer.text().lines().filter(line -> line.contains("recall-retrain"))).isEmpty();
    assertThat(answer.code()).as(answer.text()).isZero();

    Path wrong = folder.resolve("wrong.service");
    Files.writeString(wrong, read("recall-retrain.service").replace("ExecStart", "ExecStarts"));
    assertThat(answer("systemd-analyze", "verify", "--man=no", wrong.toString()).text())
        .contains("wrong.service");
  }

  @Test
  void pythonCompilesTheDag() throws IOException, InterruptedException {
    assumeThereIs("python3");
    Path dag = folder.resolve("dag.py");
    Files.writeString(dag, read("recall_retrain_dag.py"));
    Answer answer = answer("python3", "-m", "py_compile", dag.toString());
    assertThat(answer.code()).as(answer.text()).isZero();
  }

  /** The words behind the verb, of whatever file. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "recall-retrain.service",
        "crontab",
        "recall_retrain_dag.py",
        "scheduled-spark-application.yaml"
      })
  void theCommandIsOneThatRecallTakes(String file) {
    String text =
        read(file)
            .replaceAll("(?m)^ *#.*$", "")
            .replaceAll("\\{\\{ ds \\}\\}", "2026-11-22")
            .replaceAll("\\{\\{[^}]*\\}\\}", "2026-11-22T06:00:00Z")
            .replaceAll("\\\\\n|[\",]|(?m)^ *- ", " ");
    Matcher command =
        Pattern.compile("(?s)\\b(retrain|models prune)\\s+((?!--)\\S+\\s+)?(--[a-z]+\\s+\\S+\\s*)+")
            .matcher(text);
    int commands = 0;
    while (command.find()) {
      String[] words = command.group().strip().split("\\s+");
      CommandLine.ParseResult parsed = Main.commands(words).parseArgs(words);
      assertThat(parsed.hasSubcommand()).isTrue();
      assertThat(command.group()).contains("--registry");
      commands++;
    }
    assertThat(commands).isEqualTo(file.equals("crontab") ? 2 : 1);
  }
}
