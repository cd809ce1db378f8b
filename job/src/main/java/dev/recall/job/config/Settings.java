package dev.recall.job.config;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigRenderOptions;
import com.typesafe.config.ConfigValue;
import com.typesafe.config.ConfigValueType;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/**
 * Reads typed values and collects every problem with its place, so that all are reported at once.
 * After a problem the default stands in, so that reading goes on.
 */
final class Settings {

  /** Less is no confidence. */
  private static final double EVEN = 0.5;

  private static final int MOST_DIGITS = 1000;

  private final Config config;
  private final Config defaults;
  private final List<String> problems = new ArrayList<>();
  private final Set<String> reported = new HashSet<>();

  Settings(Config config, Config defaults) {
    this.config = config;
    this.defaults = defaults;
  }

  List<String> problems() {
    return problems;
  }

  int count(String key, int least) {
    return count(key, least, Integer.MAX_VALUE);
  }

  int count(String key, int least, int most) {
    long value = whole(key);
    if (value < least || value > most) {
      problem(key, "a whole number from " + least + " to " + most);
      return defaults.getInt(key);
    }
    return (int) value;
  }

  /** A whole number, or the word auto, which is nothing. */
  OptionalInt countOrAuto(String key, int least) {
    String text = String.valueOf(config.getValue(key).unwrapped()).strip();
    if (text.equals("auto")) {
      return OptionalInt.empty();
    }
    try {
      int value = Integer.parseInt(text);
      if (value >= least) {
        return OptionalInt.of(value);
      }
    } catch (NumberFormatException e) {
      // told below
    }
    problem(key, "a whole number from " + least + " to " + Integer.MAX_VALUE + " or auto");
    return OptionalInt.of(defaults.getInt(key));
  }

  /** The default of a whole number. */
  int defaultOf(String key) {
    return defaults.getInt(key);
  }

  long whole(String key) {
    ConfigValue value = config.getValue(key);
    try {
      return Long.parseLong(String.valueOf(value.unwrapped()).strip());
    } catch (NumberFormatException e) {
      problem(key, "a whole number");
      return defaults.getLong(key);
    }
  }

  /** A finite number of at least {@code least}. */
  double number(String key, double least) {
    Double value = finite(key);
    if (value == null || value < least) {
      problem(key, "a number of at least " + plain(least));
      return defaults.getDouble(key);
    }
    return value;
  }

  /** A finite number above {@code bound}. */
  double numberAbove(String key, double bound) {
    Double value = finite(key);
    if (value == null || value <= bound) {
      problem(key, "a number above " + plain(bound));
      return defaults.getDouble(key);
    }
    return value;
  }

  /** A number in [0, 1], or below 1 only. */
  double share(String key, boolean oneAllowed) {
    Double value = finite(key);
    if (value == null || value < 0 || value > 1 || (value == 1 && !oneAllowed)) {
      problem(key, "a number in [0, 1" + (oneAllowed ? "]" : ")"));
      return defaults.getDouble(key);
    }
    return value;
  }

  /** A number in [0.5, 1). */
  double confidence(String key) {
    Double value = finite(key);
    if (value == null || value < EVEN || value >= 1) {
      problem(key, "a number in [" + plain(EVEN) + ", 1)");
      return defaults.getDouble(key);
    }
    return value;
  }

  private Double finite(String key) {
    try {
      // Not Double.parseDouble: it takes 3f and 0x1p3 too.
      String text = String.valueOf(config.getValue(key).unwrapped()).strip();
      if (text.length() > MOST_DIGITS) {
        return null; // the time of BigDecimal grows with the square of the digits
      }
      double value = new BigDecimal(text).doubleValue();
      return Double.isFinite(value) ? value : null;
    } catch (NumberFormatException e) {
      return null;
    }
  }

  private static String plain(double value) {
    return value == Math.rint(value) ? String.valueOf((long) value) : String.valueOf(value);
  }

  boolean flag(String key) {
    String text = String.valueOf(config.getValue(key).unwrapped());
    if (text.equals("true") || text.equals("false")) {
      return text.equals("true");
    }
    problem(key, "true or false");
    return defaults.getBoolean(key);
  }

  <E extends Enum<E>> E choice(String key, Class<E> type) {
    String text = String.valueOf(config.getValue(key).unwrapped());
    for (E constant : type.getEnumConstants()) {
      if (name(constant).equals(text)) {
        return constant;
      }
    }
    List<String> names = new ArrayList<>();
    for (E constant : type.getEnumConstants()) {
      names.add(name(constant));
    }
    problem(key, "one of " + String.join(", ", names));
    return type.getEnumConstants()[0];
  }

  private static String name(Enum<?> constant) {
    return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /**
   * Text as it was written. HOCON reads {@code [1, (lstm, 10), 1]} as a list of the pieces between
   * commas; they are put together again.
   */
  String text(String key) {
    return text(config.getValue(key));
  }

  static String text(ConfigValue value) {
    if (value.valueType() == ConfigValueType.LIST) {
      return ((List<?>) value.unwrapped())
          .stream().map(String::valueOf).collect(Collectors.joining(", ", "[", "]"));
    }
    return String.valueOf(value.unwrapped());
  }

  /**
   * Builds something out of values that were read; a range error is a problem of the first of the
   * keys that is not a default.
   */
  <T> Optional<T> build(Supplier<T> supplier, String... keys) {
    int before = problems.size();
    try {
      return Optional.of(supplier.get());
    } catch (IllegalArgumentException e) {
      if (problems.size() == before) {
        String key = Arrays.stream(keys).filter(this::given).findFirst().orElse(keys[0]);
        String name = key.substring(key.lastIndexOf('.') + 1) + ": ";
        String message = e.getMessage();
        problems.add(
            at(key)
                + ": "
                + key
                + ": "
                + (message.startsWith(name) ? message.substring(name.length()) : message));
      }
      return Optional.empty();
    }
  }

  private boolean given(String key) {
    return !at(key).equals(place(defaults, key));
  }

  /** A value that is right by itself and wrong with another. */
  void unfit(String key, String expected) {
    problem(key, expected);
  }

  /** A value that others refer to is one problem, not one per reference. */
  private void problem(String key, String expected) {
    String found = config.getValue(key).render(ConfigRenderOptions.concise());
    if (reported.add(at(key) + found)) {
      problems.add(at(key) + ": " + key + ": expected " + expected + ", found " + found);
    }
  }

  private String at(String key) {
    return place(config, key);
  }

  /** Where a key was set: file:line, or the option. Keys that hold objects have the first line. */
  static String place(Config config, String key) {
    try {
      return place(config.getValue(key));
    } catch (ConfigException.Missing e) {
      return "configuration";
    }
  }

  static String place(ConfigValue value) {
    return place(value.origin().description());
  }

  /** The library's {@code file: line} as {@code file:line}; an option has no lines. */
  static String place(String description) {
    return description.startsWith("--set ")
        ? description.replaceFirst(": \\d+(?=$|: )", "")
        : description.replaceFirst(": (\\d+)(?=$|: )", ":$1");
  }
}
