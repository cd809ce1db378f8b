package dev.recall.job.spark.predict;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.logging.log4j.Level;
import org.apache.logging.log4j.core.LoggerContext;
import org.apache.logging.log4j.core.config.ConfigurationSource;
import org.apache.logging.log4j.core.config.properties.PropertiesConfiguration;
import org.apache.logging.log4j.core.config.properties.PropertiesConfigurationFactory;
import org.apache.logging.log4j.core.impl.Log4jLogEvent;
import org.apache.logging.log4j.message.SimpleMessage;
import org.apache.spark.SparkException;
import org.junit.jupiter.api.Test;

/** What conf/log4j2.properties lets through to the console of a job that fails. */
class ConsoleLogTest {

  private static final SparkException BAD_ROW =
      new SparkException("Task failed", new BadSequence("row 2: expected a sequence, found null"));
  private static final SparkException FULL_DISK =
      new SparkException("Task failed", new IOException("No space left on device"));

  private static String shown(String message, Throwable thrown) throws IOException {
    Path file = Path.of("..", "conf", "log4j2.properties");
    URI uri = file.toUri();
    try (LoggerContext context = new LoggerContext("test", null, uri)) {
      PropertiesConfiguration configuration =
          new PropertiesConfigurationFactory()
              .getConfiguration(
                  context, new ConfigurationSource(Files.newInputStream(file), uri.toURL()));
      configuration.initialize();
      return configuration
          .getAppender("stderr")
          .getLayout()
          .toSerializable(
              Log4jLogEvent.newBuilder()
                  .setLevel(Level.ERROR)
                  .setMessage(new SimpleMessage(message))
                  .setThrown(thrown)
                  .build())
          .toString();
    }
  }

  @Test
  void aBadRowIsLeftToTheCommand() throws IOException {
    assertThat(shown("Exception in task 0.0 in stage 1.0 (TID 1)", BAD_ROW)).isEmpty();
    assertThat(shown("Lost task 0.0 in stage 1.0: " + BAD_ROW.getCause() + "\n\tat x", null))
        .isEmpty();
    assertThat(shown("Task 0 in stage 1.0 failed 1 times; aborting job", null)).isEmpty();
    assertThat(shown("Job job_20261122_0001 aborted.", null)).isEmpty();
    assertThat(shown("Aborting job 1-2.", new SparkException("Job aborted", BAD_ROW))).isEmpty();
    assertThat(shown("Lost task 0.0: Malformed records are detected in record parsing", null))
        .isEmpty();
  }

  @Test
  void anyOtherFailureIsShownWhole() throws IOException {
    assertThat(shown("Exception in task 0.0 in stage 1.0 (TID 1)", FULL_DISK))
        .matches(
            "\\d\\d:\\d\\d:\\d\\d ERROR Exception in task 0\\.0 in stage 1\\.0 \\(TID 1\\)\n(?s).*")
        .contains("Caused by: java.io.IOException: No space left on device", "\tat dev.recall.");
    assertThat(shown("Aborting job 1-2.", FULL_DISK)).contains("Aborting job", "No space left");
  }
}
