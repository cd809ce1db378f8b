package dev.recall.job.store;

import java.io.IOException;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * One of several writers has its way with a file, in a store that can put objects and list them and
 * has nothing like "create where none is".
 *
 * <p>Note to the maintainer. This is Disk Paxos (Gafni and Lamport, Distributed Computing 16, 2003,
 * figures 1 and 2) on one disk, with an object for every write instead of a block that is
 * overwritten. A writer asks with a ballot, looks whether there is a higher one, accepts the
 * content that the highest ballot before accepted, or else its own, and looks again. If no higher
 * ballot is there, that content is chosen: whoever asks with a higher one later does so after it
 * was accepted, finds it, and accepts the same. So whoever writes the file writes the same bytes,
 * however late it comes and wherever others were killed. Needed of the store: what was put is in
 * every list that is begun afterwards. No clock matters. Writers that disturb each other wait for a
 * random time.
 *
 * <p>The objects stay for good: a writer that is late has to find them.
 */
final class Ballots {

  private static final Pattern NAME =
      Pattern.compile("(\\d{6}-[0-9a-f-]{36})\\.(asked|accepted)\\.([0-9a-f-]{36})");
  private static final int TRIES = 40;
  private static final long SHORTEST_NANOS = 20_000_000;
  private static final long LONGEST_NANOS = 2_000_000_000;

  /** What a store has to have. */
  interface Store {
    /** Puts an object where none is. */
    void put(String name, byte[] bytes) throws IOException;

    /** Names of all objects, at least of those whose put ended before. */
    List<String> list() throws IOException;

    byte[] read(String name) throws IOException;

    /** Writes the file itself; more than one writer may, all the same bytes. */
    void place(byte[] bytes) throws IOException;

    /** Lets others go first, the longer the more often it was disturbed. */
    default void yield(int disturbed) {
      long most = Math.min(LONGEST_NANOS, SHORTEST_NANOS << Math.min(disturbed, 10));
      LockSupport.parkNanos(ThreadLocalRandom.current().nextLong(most));
    }
  }

  /**
   * An object.
   *
   * @param order of its ballot among all; no two writers have the same
   * @param accepted or only asked
   * @param author whose content it is
   */
  private record Ballot(String order, boolean accepted, String author) {

    private static Optional<Ballot> parse(String name) {
      Matcher matcher = NAME.matcher(name);
      return matcher.matches()
          ? Optional.of(
              new Ballot(matcher.group(1), matcher.group(2).equals("accepted"), matcher.group(3)))
          : Optional.empty();
    }

    private String name() {
      return order + (accepted ? ".accepted." : ".asked.") + author;
    }

    private int number() {
      return Integer.parseInt(order.substring(0, order.indexOf('-')));
    }
  }

  private final Store store;
  private final String me = UUID.randomUUID().toString();

  Ballots(Store store) {
    this.store = store;
  }

  /**
   * Writes the file, with these bytes or with another writer's.
   *
   * @param mine the bytes
   * @return whether it was with these
   * @throws IOException when the store fails, or others came in between too often; the file may be
   *     there with these bytes later then
   */
  boolean write(byte[] mine) throws IOException {
    int number = 1;
    for (int disturbed = 0; disturbed < TRIES; disturbed++) {
      String order = String.format(Locale.ROOT, "%06d-%s", number, me);
      List<Ballot> others = put(new Ballot(order, false, me), mine);
      if (highest(others).equals(order)) {
        Optional<Ballot> before =
            others.stream().filter(Ballot::accepted).max(Comparator.comparing(Ballot::order));
        String author = before.map(Ballot::author).orElse(me);
        byte[] bytes = before.isPresent() ? store.read(before.get().name()) : mine;
        others = put(new Ballot(order, true, author), bytes);
        if (highest(others).equals(order)) {
          store.place(bytes);
          return author.equals(me);
        }
      }
      store.yield(disturbed);
      number = others.stream().mapToInt(Ballot::number).max().orElse(number) + 1;
    }
    throw new IOException("others came in between " + TRIES + " times");
  }

  private List<Ballot> put(Ballot ballot, byte[] bytes) throws IOException {
    store.put(ballot.name(), bytes);
    return store.list().stream().map(Ballot::parse).flatMap(Optional::stream).toList();
  }

  private static String highest(List<Ballot> ballots) {
    return ballots.stream().map(Ballot::order).max(Comparator.naturalOrder()).orElse("");
  }
}
