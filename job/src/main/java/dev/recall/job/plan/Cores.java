package dev.recall.job.plan;

/**
 * Where rounds run.
 *
 * @param executors their number; 0: the driver itself runs the tasks
 * @param perExecutor tasks that each of them, or the driver, runs at a time, at least 1
 * @param bytesPerSecond what the driver sends or receives, with executors
 */
public record Cores(int executors, int perExecutor, double bytesPerSecond) {

  /**
   * Returns the cores of the driver's JVM.
   *
   * @param count at least 1
   * @return no executors
   */
  public static Cores ofTheDriver(int count) {
    return new Cores(0, count, Double.POSITIVE_INFINITY);
  }

  /**
   * Returns how many tasks run at a time.
   *
   * @return at least 1
   */
  public int total() {
    return Math.max(1, executors) * perExecutor;
  }
}
