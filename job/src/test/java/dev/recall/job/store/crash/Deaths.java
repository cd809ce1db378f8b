package dev.recall.job.store.crash;

import static org.assertj.core.api.Assertions.assertThat;

import dev.recall.job.Main;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Commands that die in the middle of what they do to files: as JVMs that get SIGKILL, or, in a
 * fifth of the time, as threads of this JVM that change no file from that moment on.
 */
final class Deaths implements AutoCloseable {

  /** Whether every operation has its turn, each with a SIGKILL. */
  static final boolean ALL = "all".equals(System.getProperty("recall.crash"));

  private static final int KILLED = 128 + 9;

  /** Kinds of operation that had their SIGKILL, in whichever command. */
  private static final Set<String> KINDS_KILLED = ConcurrentHashMap.newKeySet();

  private final Place place;
  private final Path folder;
  private final boolean simulated;
  private final ChildJvms jvms;
  private final Place.Reached reached;
  private final AtomicInteger kills = new AtomicInteger();

  /**
   * Gives the place's settings to the commands in this JVM, until closed.
   *
   * @param simulated whether a SIGKILL for each kind of operation is enough
   */
  Deaths(Place place, Path folder, boolean simulated) throws IOException {
    this.place = place;
    this.folder = folder;
    this.simulated = simulated && !ALL;
    jvms = new ChildJvms(place, folder);
    reached = this.simulated ? place.reachUnderSwitch() : place.reach();
  }

  @Override
  public void close() {
    jvms.close();
    reached.close();
  }

  /** How many JVMs have got a SIGKILL. */
  int kills() {
    return kills.get();
  }

  /** Runs a command to its end; returns what a {@link KillSwitch} wrote of it. */
  List<String> counted(List<String> args) throws IOException, InterruptedException {
    Path log = Files.createTempFile(folder, "operations", ".txt");
    if (simulated) {
      StringWriter said = new StringWriter();
      AtomicInteger exitCode = new AtomicInteger();
      KillSwitch.diesIn(() -> exitCode.set(recall(args, said)), log, null);
      assertThat(exitCode).as("%s", said).hasValue(0);
    } else {
      ChildJvms.Ended ended =
          jvms.recall(place.killing(Map.of(KillSwitch.LOG, log.toString())), args);
      assertThat(ended.exitCode()).as(ended.log()).isZero();
    }
    return Files.readAllLines(log);
  }

  /** Lets a command die at a point; returns what it said until then. */
  String killed(KillPoint point, List<String> args) throws IOException, InterruptedException {
    if (simulated && !KINDS_KILLED.add(point.onAnyFile().alike())) {
      StringWriter said = new StringWriter();
      assertThat(KillSwitch.diesIn(() -> recall(args, said), null, point)).as("%s", said).isTrue();
      return said.toString();
    }
    ChildJvms.Ended killed =
        jvms.recall(
            place.killing(
                Map.of(
                    KillSwitch.LOG, "none",
                    KillSwitch.OPERATION, String.valueOf(point.operation()),
                    KillSwitch.PHASE, point.phase().name())),
            args);
    assertThat(killed.exitCode()).as(killed.log()).isEqualTo(KILLED);
    kills.incrementAndGet();
    return killed.log();
  }

  private static int recall(List<String> args, StringWriter said) {
    PrintWriter writer = new PrintWriter(said, true);
    return Main.run(writer, writer, args.toArray(new String[0]));
  }
}
