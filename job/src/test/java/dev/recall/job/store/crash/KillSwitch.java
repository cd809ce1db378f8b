package dev.recall.job.store.crash;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;
import org.apache.hadoop.conf.Configuration;

/**
 * Counts what a process does to a file system, and strikes once: at operation number N, before it,
 * when half of it is done, or after it. All file systems of a process that have the same log share
 * a switch. Threads of one JVM may stand for a process: after the strike they change no file.
 */
final class KillSwitch {

  /** File to which a line per operation is appended while no operation is chosen. */
  static final String LOG = "recall.crash.log";

  /** The operation, from 1; 0 for none. */
  static final String OPERATION = "recall.crash.operation";

  static final String PHASE = "recall.crash.phase";

  /** True to throw an IOException instead of ending the process. */
  static final String SPARE = "recall.crash.spare";

  /** A shell command to run instead of ending the process, which then goes on. */
  static final String COMMAND = "recall.crash.command";

  /** When. */
  enum Phase {
    BEFORE,
    MIDDLE,
    AFTER
  }

  /** What is done to a file system. */
  @FunctionalInterface
  interface Operation<T> {
    T run() throws IOException;
  }

  /** What threads that stand for a process meet after its death. */
  static final class Dead extends Error {
    private static final long serialVersionUID = 1L;
  }

  private static final Map<String, KillSwitch> SWITCHES = new ConcurrentHashMap<>();

  /** That of the process for which a thread stands, and those that it starts. */
  private static final InheritableThreadLocal<KillSwitch> OF_THREADS =
      new InheritableThreadLocal<>();

  private final Path log; // null for none
  private final int chosen;
  private final Phase phase;
  private final boolean spare;
  private final String command;
  private final boolean ofThreads;
  private volatile boolean dead;
  private int count;

  private KillSwitch(Configuration configuration) {
    log = configuration.get(LOG) == null ? null : Path.of(configuration.get(LOG));
    chosen = configuration.getInt(OPERATION, 0);
    phase = configuration.getEnum(PHASE, Phase.BEFORE);
    spare = configuration.getBoolean(SPARE, false);
    command = configuration.get(COMMAND, "");
    ofThreads = false;
  }

  private KillSwitch(Path log, int chosen, Phase phase) {
    this.log = log;
    this.chosen = chosen;
    this.phase = phase;
    spare = false;
    command = "";
    ofThreads = true;
  }

  static KillSwitch of(Configuration configuration) {
    KillSwitch ofThreads = OF_THREADS.get();
    return ofThreads != null
        ? ofThreads
        : SWITCHES.computeIfAbsent(
            configuration.get(LOG, ""), log -> new KillSwitch(configuration));
  }

  /**
   * Does something as if in a process of its own.
   *
   * @param log as {@link #LOG}, or null
   * @param point where it dies, or null
   * @return whether it died
   */
  static boolean diesIn(Runnable process, Path log, KillPoint point) {
    KillSwitch own =
        point == null
            ? new KillSwitch(log, 0, Phase.BEFORE)
            : new KillSwitch(log, point.operation(), point.phase());
    OF_THREADS.set(own);
    try {
      process.run();
    } catch (Dead e) {
      // What its threads were told.
    } finally {
      OF_THREADS.remove();
    }
    return own.dead;
  }

  /** Whether the process is there. */
  void beAlive() {
    if (dead) {
      throw new Dead();
    }
  }

  /** Does something that cannot be done by half. */
  <T> T around(String kind, Object target, Operation<T> operation) throws IOException {
    int number = begin(kind, target, false);
    T result = operation.run();
    strike(number, Phase.AFTER);
    return result;
  }

  /** Counts an operation that has a middle; the caller ends it. */
  int beginDivisible(String kind, Object target) throws IOException {
    return begin(kind, target, true);
  }

  private int begin(String kind, Object target, boolean divisible) throws IOException {
    beAlive();
    int number = next(kind, target, divisible);
    strike(number, Phase.BEFORE);
    return number;
  }

  private synchronized int next(String kind, Object target, boolean divisible) {
    count++;
    if (chosen == 0 && log != null) {
      String line = String.format("%d %s %s %s%n", count, kind, divisible, target);
      try {
        Files.writeString(log, line, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
    return count;
  }

  /** Tells whether it will strike. */
  boolean strikes(int number, Phase now) {
    return number == chosen && now == phase;
  }

  void strike(int number, Phase now) throws IOException {
    if (!strikes(number, now)) {
      return;
    }
    if (ofThreads) {
      dead = true;
      throw new Dead();
    }
    if (spare) {
      throw new IOException("it was to fail here");
    }
    if (command.isEmpty()) {
      shell("kill -9 " + ProcessHandle.current().pid());
      while (true) {
        LockSupport.park();
      }
    }
    shell(command).onExit().join();
  }

  private static Process shell(String line) throws IOException {
    return new ProcessBuilder("sh", "-c", line).start();
  }
}
