package dev.recall.job.spark.predict;

import dev.recall.job.config.UserError;
import dev.recall.job.spark.predict.BatchScoring.Files;
import java.io.IOException;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.spark.SparkException;
import org.apache.spark.sql.AnalysisException;

/**
 * What ended batch scoring, in a line for the user that names the side and its path.
 *
 * @param from where rows come from
 * @param out where they go, as the user knows it
 * @param format that they go in
 */
record Failures(Files from, String out, DataFormat format) {

  /** In Spark's messages about files that are not what they are read as. */
  private static final Pattern NOT_SO =
      Pattern.compile("Malformed records are detected|is not a Parquet file");

  /** Before any row is written; or while it is made. */
  RuntimeException reading(Exception e) {
    String input = from.path() + ", read as " + from.format().text() + ": ";
    Optional<Throwable> refused =
        isRefused(e) ? Optional.of(e) : causes(e).filter(Failures::isNotSo).reduce((a, b) -> b);
    if (refused.isPresent()) {
      return new UserError(input + line(refused.get()));
    }
    return causes(e).anyMatch(it -> it instanceof IOException || it instanceof SparkException)
        ? new IllegalStateException(input + "cannot be read: " + line(innermost(e)), e)
        : other(e);
  }

  /** Of the job that writes, which reads too. */
  RuntimeException writing(Exception e) {
    BadSequence bad = BadSequence.in(e);
    if (bad != null) {
      return new UserError(bad.getMessage() + "; --on-bad null goes on without it");
    }
    for (Throwable cause : causes(e).toList()) {
      if (cause instanceof InputRows.Failed && cause.getCause() instanceof Exception of) {
        return reading(of);
      }
    }
    if (isRefused(e)) {
      return new UserError("--out %s, written as %s: %s".formatted(out, format.text(), line(e)));
    }
    return causes(e).anyMatch(IOException.class::isInstance)
        ? new IllegalStateException(
            "--out " + out + ": cannot be written: " + line(innermost(e)), e)
        : other(e);
  }

  /** Columns, types, places or options that Spark does not take. */
  private static boolean isRefused(Exception e) {
    return e instanceof AnalysisException || e instanceof IllegalArgumentException;
  }

  private static boolean isNotSo(Throwable cause) {
    return NOT_SO.matcher(String.valueOf(cause.getMessage())).find();
  }

  /** Spark's own are checked, and have the stack traces of executors in their message. */
  private static RuntimeException other(Exception e) {
    return e instanceof RuntimeException known ? known : new IllegalStateException(line(e), e);
  }

  private static Stream<Throwable> causes(Throwable e) {
    return Stream.iterate(e, it -> it != null, Throwable::getCause);
  }

  private static Throwable innermost(Throwable e) {
    return causes(e).reduce(e, (above, below) -> below);
  }

  private static String line(Throwable e) {
    return String.valueOf(e.getMessage()).lines().findFirst().orElse("");
  }
}
