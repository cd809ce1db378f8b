package dev.recall.job.config;

import java.util.Collection;
import java.util.Optional;

/** Finds the known name that a misspelt one most likely means. */
public final class Nearest {

  private Nearest() {}

  /**
   * Finds the key with the fewest insertions, deletions and replacements; a shared last part
   * counts, and of those that are equally near the one that is nearest as a whole. Nothing when
   * half of the key would have to change.
   *
   * @param key as it was written
   * @param known those that there are
   * @return the nearest
   */
  public static Optional<String> to(String key, Collection<String> known) {
    String nearest = "";
    long least = Long.MAX_VALUE;
    for (String candidate : known) {
      long whole = distance(key, candidate);
      long distance = Math.min(whole, 1 + distance(last(key), last(candidate)));
      long rank = (distance << 32) + whole;
      if (rank < least) {
        least = rank;
        nearest = candidate;
      }
    }
    return least >> 32 > Math.max(2, key.length() / 2) ? Optional.empty() : Optional.of(nearest);
  }

  private static String last(String key) {
    return key.substring(key.lastIndexOf('.') + 1);
  }

  /** Levenshtein distance, one row at a time. */
  private static int distance(String a, String b) {
    int[] row = new int[b.length() + 1];
    for (int j = 0; j <= b.length(); j++) {
      row[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= b.length(); j++) {
        int replaced = diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        diagonal = row[j];
        row[j] = Math.min(replaced, Math.min(row[j], row[j - 1]) + 1);
      }
    }
    return row[b.length()];
  }
}
