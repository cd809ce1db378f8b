package dev.recall.job.registry;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;

/**
 * Who does something, and when.
 *
 * @param name user and host
 * @param at ISO 8601 in UTC, whole seconds
 */
public record By(String name, String at) {

  static By now() {
    return new By(
        System.getProperty("user.name") + "@" + host(),
        Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
  }

  /**
   * Returns the name of this machine.
   *
   * @return "unknown" where it has none
   */
  public static String host() {
    try {
      return InetAddress.getLocalHost().getHostName();
    } catch (UnknownHostException e) {
      return "unknown";
    }
  }
}
