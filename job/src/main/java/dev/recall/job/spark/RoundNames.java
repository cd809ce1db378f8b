package dev.recall.job.spark;

/** Names the jobs of a run's rounds, which are counted from 1 here; ten of them are a group. */
final class RoundNames {

  private static final int TOGETHER = 10;

  private final int rounds;
  private final String ofRounds;
  private int group = -1; // none yet
  private String groupText;

  /** For a run of so many rounds. */
  RoundNames(int rounds) {
    this.rounds = rounds;
    this.ofRounds = " of " + rounds;
  }

  /** The name of a round, which is counted from 0. */
  JobName of(int round) {
    if (round / TOGETHER != group) {
      group = round / TOGETHER;
      int first = group * TOGETHER + 1;
      int last = Math.min(first + TOGETHER - 1, rounds);
      groupText = "rounds " + first + "-" + last + ofRounds;
    }
    return new JobName(groupText, "round " + (round + 1) + ofRounds);
  }
}
