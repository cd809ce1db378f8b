package dev.recall.job.store.crash;

import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/**
 * Where runs lie.
 *
 * @param name for the line that says what was done
 * @param uri a folder that is there, without a slash at its end
 * @param plain Hadoop settings by which it is reached
 * @param killing Hadoop settings on top, by which it is reached under a {@link KillSwitch}
 */
record Place(String name, String uri, Map<String, String> plain, Map<String, String> killing) {

  /** A folder of the local disk. */
  static Place local(Path folder) {
    return new Place(
        "local",
        folder.toUri().toString().replaceAll("/$", ""),
        Map.of(),
        Map.of("fs.file.impl", KillingLocalFileSystem.class.getName()));
  }

  /** Gives the plain settings to the commands in this JVM as spark-submit does, until closed. */
  Reached reach() {
    return reach(plain);
  }

  /** Gives all settings to the commands in this JVM, until closed. */
  Reached reachUnderSwitch() {
    return reach(killing(Map.of()));
  }

  private static Reached reach(Map<String, String> settings) {
    settings.forEach((key, value) -> System.setProperty("spark.hadoop." + key, value));
    return () -> settings.keySet().forEach(key -> System.clearProperty("spark.hadoop." + key));
  }

  /** Ends what {@link #reach} began. */
  interface Reached extends AutoCloseable {
    @Override
    void close();
  }

  /** All settings, with more on top. */
  Map<String, String> killing(Map<String, String> more) {
    Map<String, String> settings = new HashMap<>(plain);
    settings.putAll(killing);
    settings.putAll(more);
    return settings;
  }
}
