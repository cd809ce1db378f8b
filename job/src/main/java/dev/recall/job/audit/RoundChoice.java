package dev.recall.job.audit;

import dev.recall.job.config.UserError;
import java.util.Locale;
import java.util.Random;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * Which rounds to compute again: {@code all}, one round, a range {@code 30-40}, or a share {@code
 * 1%} of them drawn at random.
 *
 * @param text as above
 * @param seed decides which are drawn
 */
public record RoundChoice(String text, long seed) {

  private static final Pattern RANGE = Pattern.compile("(\\d{1,9})(?:-(\\d{1,9}))?");
  private static final Pattern SHARE = Pattern.compile("(\\d{1,3}(?:\\.\\d{1,6})?)%");

  /**
   * Tells whether rounds are drawn at random.
   *
   * @return true for a share
   */
  public boolean isSample() {
    return SHARE.matcher(text).matches();
  }

  /** The rounds out of those of a run. */
  SortedSet<Integer> of(int rounds) {
    Matcher range = RANGE.matcher(text);
    Matcher share = SHARE.matcher(text);
    if (text.toLowerCase(Locale.ROOT).equals("all")) {
      return range(1, rounds);
    }
    if (range.matches()) {
      int first = Integer.parseInt(range.group(1));
      int last = range.group(2) == null ? first : Integer.parseInt(range.group(2));
      if (first >= 1 && first <= last && last <= rounds) {
        return range(first, last);
      }
    } else if (share.matches() && Double.parseDouble(share.group(1)) <= 100) {
      return sample((int) Math.ceil(rounds * Double.parseDouble(share.group(1)) / 100), rounds);
    }
    throw new UserError(
        "--rounds: expected all, a round or a range of 1 to "
            + rounds
            + " such as 3-7, or a share such as 1%, found "
            + text);
  }

  private static SortedSet<Integer> range(int first, int last) {
    return new TreeSet<>(IntStream.rangeClosed(first, last).boxed().toList());
  }

  private SortedSet<Integer> sample(int count, int rounds) {
    Random random = new Random(seed);
    SortedSet<Integer> sample = new TreeSet<>();
    while (sample.size() < Math.min(count, rounds)) {
      sample.add(1 + random.nextInt(rounds));
    }
    return sample;
  }
}
