package dev.recall.job.store;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

/** Writers of one file whose every operation on the store comes in an order that chance chooses. */
class BallotsTest {

  private static final int SCHEDULES = 600;

  /** A writer's process was killed. */
  private static final class Killed extends IOException {
    private static final long serialVersionUID = 1L;
  }

  /** Objects in memory; what is done to them is done one after the other, in a drawn order. */
  private static final class Turns {
    private final Map<String, byte[]> objects = new HashMap<>();
    private final List<byte[]> placed = new ArrayList<>();
    private final Random random;
    private final boolean[] waiting;
    private int working;
    private int turn = -1;

    private Turns(int writers, long seed) {
      random = new Random(seed);
      waiting = new boolean[writers];
      working = writers;
    }

    private synchronized void await(int writer) {
      waiting[writer] = true;
      rest();
      try {
        while (turn != writer) {
          wait();
        }
      } catch (InterruptedException e) {
        throw new IllegalStateException(e);
      }
      turn = -1;
      waiting[writer] = false;
      working++;
    }

    /** When nobody is at work the next of those who wait has its turn. */
    private synchronized void rest() {
      working--;
      List<Integer> ready = new ArrayList<>();
      for (int i = 0; i < waiting.length; i++) {
        if (waiting[i]) {
          ready.add(i);
        }
      }
      if (working == 0 && !ready.isEmpty()) {
        turn = ready.get(random.nextInt(ready.size()));
        notifyAll();
      }
    }
  }

  /** The store as one writer has it, which may be killed before or after a put. */
  private record Seen(Turns turns, int writer, Random deaths, double risk)
      implements Ballots.Store {

    private void mayDie() throws Killed {
      if (deaths.nextDouble() < risk) {
        throw new Killed();
      }
    }

    @Override
    public void put(String name, byte[] bytes) throws IOException {
      turns.await(writer);
      mayDie();
      synchronized (turns) {
        assertThat(turns.objects.put(name, bytes)).as(name).isNull();
      }
      mayDie();
    }

    @Override
    public List<String> list() {
      turns.await(writer);
      synchronized (turns) {
        return List.copyOf(turns.objects.keySet());
      }
    }

    @Override
    public byte[] read(String name) {
      turns.await(writer);
      synchronized (turns) {
        return turns.objects.get(name);
      }
    }

    @Override
    public void place(byte[] bytes) throws IOException {
      turns.await(writer);
      mayDie();
      synchronized (turns) {
        turns.placed.add(bytes);
      }
      mayDie();
    }

    @Override
    public void yield(int disturbed) {
      for (int i = deaths.nextInt(4 << Math.min(disturbed, 6)); i > 0; i--) {
        turns.await(writer);
      }
    }
  }

  /** What came of a writer. */
  private enum End {
    FIRST,
    LATE,
    KILLED
  }

  private static final byte[] SAME = {7};

  private static List<End> write(ExecutorService threads, Turns turns, double risk, long seed)
      throws Exception {
    List<Future<End>> ends = new ArrayList<>();
    for (int i = 0; i < turns.waiting.length; i++) {
      int writer = i;
      ends.add(
          threads.submit(
              () -> {
                Seen store = new Seen(turns, writer, new Random(31 * seed + writer), risk);
                byte[] mine = writer < 2 ? SAME : new byte[] {(byte) writer};
                try {
                  return new Ballots(store).write(mine) ? End.FIRST : End.LATE;
                } catch (Killed e) {
                  return End.KILLED;
                } finally {
                  turns.rest();
                }
              }));
    }
    List<End> all = new ArrayList<>();
    for (Future<End> end : ends) {
      all.add(end.get());
    }
    return all;
  }

  private static void assertOneContent(Turns turns, long seed) {
    assertThat(turns.placed.stream().map(Arrays::toString).distinct())
        .as("contents of the file, schedule %d", seed)
        .hasSizeLessThanOrEqualTo(1);
  }

  /** Two of them with the same bytes. */
  @Test
  void ofSeveralWritersOneIsTheFirstAndTheOthersAreToldSo() throws Exception {
    ExecutorService threads = Executors.newCachedThreadPool();
    try {
      for (long seed = 0; seed < SCHEDULES; seed++) {
        int writers = 2 + (int) (seed % 3);
        Turns turns = new Turns(writers, seed);
        List<End> ends = write(threads, turns, 0, seed);
        assertThat(ends)
            .as("schedule %d", seed)
            .containsOnlyOnce(End.FIRST)
            .doesNotContain(End.KILLED);
        assertOneContent(turns, seed);
      }
    } finally {
      threads.shutdownNow();
    }
  }

  /** Whoever comes afterwards finds what they left, and ends with the content that readers saw. */
  @Test
  void whoeverIsKilledNoTwoContentsAreEverWritten() throws Exception {
    ExecutorService threads = Executors.newCachedThreadPool();
    int finishedForOthers = 0;
    try {
      for (long seed = 0; seed < SCHEDULES; seed++) {
        Turns turns = new Turns(4, seed);
        List<End> ends = write(threads, turns, 0.08, seed);
        assertThat(ends.stream().filter(End.FIRST::equals)).hasSizeLessThanOrEqualTo(1);
        boolean left = !ends.contains(End.FIRST);
        Turns afterwards = new Turns(1, seed);
        afterwards.objects.putAll(turns.objects);
        afterwards.placed.addAll(turns.placed);
        End last = write(threads, afterwards, 0, seed).get(0);
        if (!left) {
          assertThat(last).isEqualTo(End.LATE);
        }
        finishedForOthers += left && last == End.LATE ? 1 : 0;
        assertOneContent(afterwards, seed);
        assertThat(afterwards.placed).isNotEmpty();
      }
    } finally {
      threads.shutdownNow();
    }
    assertThat(finishedForOthers).as("contents of killed writers that others wrote").isPositive();
  }
}
