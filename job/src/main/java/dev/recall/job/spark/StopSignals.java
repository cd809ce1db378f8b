package dev.recall.job.spark;

import java.util.function.Consumer;
import org.apache.spark.util.SignalUtils;
import scala.runtime.AbstractFunction0;

/**
 * SIGTERM and SIGINT while a command trains: the first asks it to end after the round, the second
 * ends the process at once. Before and after, they do what they always do.
 *
 * <p>Note to the maintainer. The JDK's own class for signals cannot be compiled against without
 * warnings. Spark's passes a signal on to the JVM when no action takes it, and while an action
 * runs: a second signal may come without one. What ends the process in time is a shutdown hook.
 */
public final class StopSignals implements AutoCloseable {

  /** A shell's exit code for a process that a signal ended is this and the signal's number. */
  private static final int SIGNALLED = 128;

  /** What Spark and Hadoop have to end in after the second signal. */
  private static final long LAST_MILLIS = 5_000;

  private final Consumer<String> lines;
  private final Thread hook = new Thread(this::endInTime, "recall-end");
  private volatile boolean listening = true;
  private volatile int asked; // number of the first signal, or 0

  /**
   * Listens from now on, until closed.
   *
   * @param lines receives what happens
   */
  public StopSignals(Consumer<String> lines) {
    this.lines = lines;
    Runtime.getRuntime().addShutdownHook(hook);
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
    if (asked != 0) {
      return false;
    }
    asked = number;
    lines.accept("SIG" + name + ": ending after this round; a second one ends at once");
    return true;
  }

  /** Runs beside the hooks of Spark and Hadoop. */
  private void endInTime() {
    if (asked == 0) {
      return;
    }
    Thread last = new Thread(this::endWithoutHooks, "recall-end");
    last.setDaemon(true);
    last.start();
    lines.accept("second signal: ending at once");
  }

  private void endWithoutHooks() {
    try {
      Thread.sleep(LAST_MILLIS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    Runtime.getRuntime().halt(exitCode());
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
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      // the JVM is going down: then it ends in time
    }
  }
}
