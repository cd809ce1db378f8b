package dev.recall.job.config;

import java.util.Optional;
import java.util.regex.Pattern;

/**
 * What text has to be before the HOCON library sees it. The library recurses over nesting and takes
 * any number of substitutions, each of which may double a value, so both are counted here. Counts
 * are of characters, wherever they stand: a text cannot hide structure from them.
 */
final class TextRules {

  /** A configuration of every setting, with its comments, is a tenth of that. */
  static final int MOST_CHARACTERS = 1 << 16;

  /** Values grow at most 3^(16/3) times: a chain of substitutions, three to a value. */
  private static final int MOST_SUBSTITUTIONS = 16;

  private static final int MOST_NESTING = 400;

  private static final Pattern COMMENT = Pattern.compile("\\s*(#.*|//.*)?");
  private static final Pattern KEY = Pattern.compile("[a-z]++[a-z-]*+(\\.[a-z]++[a-z-]*+){0,3}");
  private static final Pattern PLAIN = Pattern.compile("[\\w.+-]++|\\[[\\w .,'()+-]*+]");
  private static final Pattern QUOTED = Pattern.compile("\"[^\"\\\\]*+\"");
  private static final Pattern ESCAPE = Pattern.compile("\\\\.");

  private TextRules() {}

  /** What is wrong with a text, as one problem; nothing when the library may read it. */
  static Optional<String> problem(ConfigSource source) {
    String text = source.text();
    if (text.length() > MOST_CHARACTERS) {
      return Optional.of(wrong(source.name(), characters(MOST_CHARACTERS), text.length()));
    }
    return source.stored() ? unlikeStored(source) : beyondBounds(source);
  }

  static String characters(int most) {
    return "at most " + most + " characters of settings";
  }

  private static String wrong(String place, String expected, Object found) {
    return place + ": expected " + expected + ", found " + found;
  }

  private static Optional<String> beyondBounds(ConfigSource source) {
    String text = source.text();
    int substitutions = occurrences(text, "${") + occurrences(text, "+=");
    if (substitutions > MOST_SUBSTITUTIONS) {
      String expected = "at most " + MOST_SUBSTITUTIONS + " substitutions";
      return Optional.of(wrong(source.name(), expected, substitutions));
    }
    long nesting =
        text.lines().filter(line -> !isComment(line)).mapToLong(TextRules::nesting).sum();
    if (nesting > MOST_NESTING) {
      String expected = "at most " + MOST_NESTING + " dots and opening brackets besides comments";
      return Optional.of(wrong(source.name(), expected, nesting));
    }
    return Optional.empty();
  }

  private static int occurrences(String text, String part) {
    int count = 0;
    for (int at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + 1)) {
      count++;
    }
    return count;
  }

  /** A line with three quotes may end a string, with settings behind it. */
  private static boolean isComment(String line) {
    String start = line.stripLeading();
    return (start.startsWith("#") || start.startsWith("//")) && !line.contains("\"\"\"");
  }

  private static long nesting(String line) {
    return line.chars().filter(c -> c == '.' || c == '{' || c == '[').count();
  }

  /** Comments and {@code key = value}, as {@link RunConfig#text} writes them. */
  private static Optional<String> unlikeStored(ConfigSource source) {
    int number = 0;
    for (String line : source.text().split("\\R", -1)) {
      number++;
      if (!COMMENT.matcher(line).matches() && !isSetting(line)) {
        String place = source.name() + ":" + number;
        return Optional.of(wrong(place, "key = value with a plain value", line.strip()));
      }
    }
    return Optional.empty();
  }

  private static boolean isSetting(String line) {
    int equals = line.indexOf('=');
    if (equals < 0 || !KEY.matcher(line.substring(0, equals).strip()).matches()) {
      return false;
    }
    String value = line.substring(equals + 1).strip();
    return PLAIN.matcher(value).matches()
        || QUOTED.matcher(ESCAPE.matcher(value).replaceAll("")).matches();
  }
}
