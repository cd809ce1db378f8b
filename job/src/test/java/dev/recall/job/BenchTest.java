package dev.recall.job;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What deploy/bin/bench says without measuring. */
class BenchTest {

  private record Answer(int code, String text) {}

  private static Path script() {
    Path at = Path.of("").toAbsolutePath();
    while (!Files.exists(at.resolve("deploy/bin/bench"))) {
      at = at.getParent();
    }
    return at.resolve("deploy/bin/bench");
  }

  private static Answer bench(String arguments) throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder("sh", "-c", "'" + script() + "' " + arguments)
            .redirectErrorStream(true)
            .start();
    process.getOutputStream().close();
    String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(1, TimeUnit.MINUTES)).isTrue();
    return new Answer(process.exitValue(), text.strip());
  }

  @Test
  void helpNamesEveryOptionAndPeerOfTheScript() throws IOException, InterruptedException {
    Answer help = bench("--help");
    assertThat(help.code()).isZero();
    String source = Files.readString(script());
    List<String> arms =
        Pattern.compile("(?m)^ {4}(--[a-z-]+|[a-z0-9-]+)\\) ")
            .matcher(source)
            .results()
            .map(arm -> arm.group(1))
            .toList();
    assertThat(arms).hasSize(17);
    assertThat(arms)
        .allSatisfy(
            arm -> assertThat(help.text()).containsPattern("(?<![\\w-])" + arm + "(?![\\w-])"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--hiden 10         | expected one of --hidden --batch .* --help, found --hiden",
        "--hidden ten       | --hidden: expected numbers with commas between, found ten",
        "--steps            | --steps: expected numbers with commas between, found nothing",
        "--peers tensorflow | --peers: expected some of recall,.*, found tensorflow",
        "--slice 1s         | --slice: expected seconds, found 1s",
        "--targets torch    | --targets: expected PEER=RATIO with commas between, found torch"
      })
  void wrongOptionIsRefusedWithWhatWasExpected(String arguments, String message)
      throws IOException, InterruptedException {
    Answer answer = bench(arguments);
    assertThat(answer.code()).isEqualTo(2);
    assertThat(answer.text()).matches("bench: " + message);
  }
}
