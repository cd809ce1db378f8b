package dev.recall.job.plan;

/**
 * Time of a round in which no shard does anything, as a straight line over its tasks.
 *
 * @param seconds of a round whatever its tasks
 * @param secondsPerTask of each task
 */
public record EmptyRound(double seconds, double secondsPerTask) {

  /** On threads of one JVM. */
  public static final EmptyRound THREADS = new EmptyRound(40e-6, 15e-6);

  /** On Spark within the driver, two cores; an estimate for where none was measured. */
  public static final EmptyRound LOCAL = new EmptyRound(1.4e-3, 0.35e-3);

  /** On a standalone cluster on one machine, two cores; an estimate likewise. */
  public static final EmptyRound CLUSTER = new EmptyRound(2.5e-3, 1.1e-3);

  /**
   * Draws the line through two measurements.
   *
   * @param few number of tasks of the first
   * @param secondsOfFew its time
   * @param many number of tasks of the second, above {@code few}
   * @param secondsOfMany its time; where it is the shorter one, noise, tasks cost nothing
   * @return the line
   */
  public static EmptyRound through(int few, double secondsOfFew, int many, double secondsOfMany) {
    double perTask = Math.max(0, (secondsOfMany - secondsOfFew) / (many - few));
    return new EmptyRound(Math.max(0, secondsOfFew - few * perTask), perTask);
  }

  /**
   * Returns the time of a round.
   *
   * @param tasks its tasks, at least 1
   * @return seconds
   */
  public double of(int tasks) {
    return seconds + tasks * secondsPerTask;
  }
}
