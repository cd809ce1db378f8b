package dev.recall.job.config;

/**
 * Text of one configuration file.
 *
 * @param name where it came from, for messages
 * @param text HOCON, JSON or properties
 * @param stored whether it has to be of the form that {@link RunConfig#text} gives: lines of {@code
 *     key = value} and comments, without substitutions and sections
 */
public record ConfigSource(String name, String text, boolean stored) {

  /**
   * Takes a file of the user's.
   *
   * @param name where it came from, for messages
   * @param text HOCON, JSON or properties
   */
  public ConfigSource(String name, String text) {
    this(name, text, false);
  }

  /**
   * Takes what a run has left; whoever made it need not be trusted.
   *
   * @param name where it came from, for messages
   * @param text as {@link RunConfig#text} gives it, maybe with comments
   * @return the source
   */
  public static ConfigSource stored(String name, String text) {
    return new ConfigSource(name, text, true);
  }
}
