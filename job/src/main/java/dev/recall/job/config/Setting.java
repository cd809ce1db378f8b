package dev.recall.job.config;

/**
 * One effective setting.
 *
 * @param key dotted path
 * @param value as HOCON text
 * @param origin file and line, or the command-line option, that set it
 */
public record Setting(String key, String value, String origin) {

  /**
   * Returns the value without the quotes of text.
   *
   * @return for example {@code memory} or {@code 80}
   */
  public String plainValue() {
    boolean quoted = value.length() > 1 && value.startsWith("\"") && value.endsWith("\"");
    return quoted ? value.substring(1, value.length() - 1) : value;
  }
}
