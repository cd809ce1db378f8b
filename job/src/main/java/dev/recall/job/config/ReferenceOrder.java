package dev.recall.job.config;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigValue;
import java.util.Comparator;
import java.util.List;
import java.util.Map;

/** The order in which reference.conf explains the settings. */
public final class ReferenceOrder {

  private ReferenceOrder() {}

  /**
   * Lists the keys of reference.conf.
   *
   * @return dotted keys, from the first line of the file to the last
   */
  public static List<String> keys() {
    // Not resolved: a resolved substitution has the line of the setting that it refers to.
    Config reference = ConfigFactory.parseString(ConfigLoader.reference().text());
    return reference.entrySet().stream()
        .sorted(Comparator.comparingInt(entry -> line(entry.getValue())))
        .map(Map.Entry::getKey)
        .toList();
  }

  private static int line(ConfigValue value) {
    return value.origin().lineNumber();
  }
}
