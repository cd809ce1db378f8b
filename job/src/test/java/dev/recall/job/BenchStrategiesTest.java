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

/** What deploy/bin/bench-strategies says without measuring. */
class BenchStrategiesTest {

  private static final Path SCRIPT = Path.of("../deploy/bin/bench-strategies");

  private static String says(int code, String... arguments)
      throws IOException, InterruptedException {
    ProcessBuilder builder = new ProcessBuilder(SCRIPT.toString());
    builder.command().addAll(List.of(arguments));
    Process process = builder.redirectErrorStream(true).start();
    process.getOutputStream().close();
    String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(1, TimeUnit.MINUTES)).isTrue();
    assertThat(process.exitValue()).as(text).isEqualTo(code);
    return text.strip();
  }

  @Test
  void helpNamesEveryOptionOfTheScript() throws IOException, InterruptedException {
    String help = says(0, "--help");
    List<String> options =
        Pattern.compile("(?m)^ {4}(--[a-z-]+)\\) ")
            .matcher(Files.readString(SCRIPT))
            .results()
            .map(option -> option.group(1))
            .toList();
    assertThat(options).hasSize(5).allSatisfy(option -> assertThat(help).contains(option + " "));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--runs | 0 | --runs: expected a number, found 0",
        "--target | low | --target: expected a recall MSE, found low",
        "--rounds | 1 | expected one of --runs --target --seconds --master --bits-rounds --help,"
            + " found --rounds"
      })
  void refusesWhatItDoesNotKnow(String option, String value, String message)
      throws IOException, InterruptedException {
    assertThat(says(2, option, value)).isEqualTo("bench-strategies: " + message);
  }
}
