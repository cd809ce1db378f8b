package dev.recall.job.spark;

import java.util.function.Consumer;
import org.apache.spark.util.SignalUtils;
import scala.runtime.AbstractFunction0;

/**
 * SIGTERM and SIGINT while a command trains: the first asks it to end after the round, the second
 * ends the process at once. Before and after, they do what they always do.
 *
 * <p>Note to the maintainer. The JDK's own class for signals cannot be compiled against without
 * warnings. Spark's passes a signal on to the JVM when no action takes it.
 */
public final class StopSignals implements AutoCloseable {

  /** A shell's exit code for a process that a signal ended is this and the signal's number. */
  private static final int SIGNALLED = 128;

  /** What Spark and Hadoop have to end in after the second signal. */
  private static final long LAST_MILLIS = 5_000;

  private final Consumer<String> lines;
  private volatile boolean listening = true;
  private volatile int asked; // number of the first signal, or 0

  /**
   * Listens from now on, until closed.
   *
   * @param lines receives what happens
   */
  public StopSignals(Consumer<String> lines) {
    this.lines = lines;
    register("TERM", 15);
    register("INT", 2);
  }

  private void register(String name, int number) {
    SignalUtils.register(
        name,
        new AbstractFunction0<Object>() {
          @Override
          public Object apply() {
            return listening && receive(name, number);
          }
        });
  }

  /** Whether the signal is dealt with. */
  private synchronized boolean receive(String name, int number) {
    if (asked == 0) {
      asked = number;
      lines.accept("SIG" + name + ": ending after this round; a second one ends at once");
      return true;
    }
    lines.accept("SIG" + name + ": ending at once");
    Thread last = new Thread(() -> endWithoutHooks(number), "recall-end");
    last.setDaemon(true);
    last.start();
    return false;
  }

  private static void endWithoutHooks(int number) {
    try {
      Thread.sleep(LAST_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    Runtime.getRuntime().halt(SIGNALLED + number);
  }

  /**
   * Tells whether the process was asked to end.
   *
   * @return true after the first signal
   */
  public boolean asked() {
    return asked != 0;
  }

  /**
   * Returns the exit code that says so.
   *
   * @return 143 after SIGTERM, 130 after SIGINT
   */
  public int exitCode() {
    return SIGNALLED + asked;
  }

  @Override
  public void close() {
    listening = false;
  }
}
