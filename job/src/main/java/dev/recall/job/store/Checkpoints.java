package dev.recall.job.store;

import dev.recall.job.config.CheckpointConfig;
import dev.recall.job.config.UserError;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The checkpoints of a run. Which one is the newest is decided by what they hold: a file that is
 * not whole is passed over, whatever its name and time.
 */
public final class Checkpoints {

  private static final Pattern NAME = Pattern.compile("round-(\\d{1,9})\\.safetensors");

  private final Storage storage;
  private final String directory;
  private final Set<String> damaged = new HashSet<>();

  Checkpoints(Storage storage, String directory) {
    this.storage = storage;
    this.directory = directory;
  }

  String directory() {
    return directory;
  }

  /**
   * A checkpoint that is whole.
   *
   * @param path of the file
   * @param bytes the file
   * @param restored what it holds
   * @param passedOver newer files that are not whole
   */
  public record Found(
      String path, byte[] bytes, Checkpoint.Restored restored, List<Damaged> passedOver) {}

  /**
   * A checkpoint that is not whole.
   *
   * @param path of the file
   * @param message what was expected and found
   */
  public record Damaged(String path, String message) {}

  /**
   * Finds the newest checkpoint that is whole.
   *
   * @param storage file systems
   * @param run the run directory
   * @return the checkpoint
   * @throws UserError when there is none, saying of each what it is instead
   */
  public static Found newest(Storage storage, String run) {
    return new Checkpoints(storage, run + "/checkpoints").newest();
  }

  Found newest() {
    List<Damaged> passedOver = new ArrayList<>();
    List<Integer> rounds = rounds();
    for (int i = rounds.size() - 1; i >= 0; i--) {
      String path = path(rounds.get(i));
      try {
        byte[] bytes = storage.read(path);
        return new Found(path, bytes, Checkpoint.decode(path, bytes), List.copyOf(passedOver));
      } catch (Storage.Unreadable e) {
        throw e; // says nothing about the file
      } catch (UserError e) {
        passedOver.add(new Damaged(path, e.getMessage()));
      }
    }
    String none =
        directory + ": expected a checkpoint" + (rounds.isEmpty() ? "" : " that is whole");
    throw new UserError(
        Stream.concat(Stream.of(none + ", found none"), passedOver.stream().map(Damaged::message))
            .collect(Collectors.joining(System.lineSeparator())));
  }

  /** These do not count as kept. */
  void passOver(List<Damaged> files) {
    files.forEach(file -> damaged.add(file.path()));
  }

  /**
   * Reads a checkpoint.
   *
   * @param round rounds done
   * @return what it holds
   * @throws UserError when it is not there or not whole
   */
  public Checkpoint.Restored read(int round) {
    return Checkpoint.decode(path(round), bytes(round));
  }

  /**
   * Reads the file of a checkpoint.
   *
   * @param round rounds done
   * @return its bytes
   * @throws UserError when it is not there
   */
  public byte[] bytes(int round) {
    return storage.read(path(round));
  }

  /**
   * Lists the checkpoints, whole or not.
   *
   * @return their rounds, rising
   */
  public List<Integer> rounds() {
    List<Integer> rounds = new ArrayList<>();
    for (String name : storage.list(directory)) {
      Matcher matcher = NAME.matcher(name);
      if (matcher.matches()) {
        rounds.add(Integer.parseInt(matcher.group(1)));
      }
    }
    rounds.sort(Comparator.naturalOrder());
    return rounds;
  }

  /**
   * Names the file of a checkpoint.
   *
   * @param round rounds done
   * @return its path
   */
  public String path(int round) {
    return directory + "/" + name(round);
  }

  private static String name(int round) {
    return String.format(Locale.ROOT, "round-%08d.safetensors", round);
  }

  /** Writes a checkpoint and reads it again. */
  String write(int round, byte[] bytes) throws IOException {
    String path = path(round);
    storage.write(path, bytes);
    if (!Arrays.equals(storage.read(path), bytes)) {
      throw new IOException(path + ": expected the bytes that were written, found others");
    }
    damaged.remove(path);
    return path;
  }

  /** Removes checkpoints before a whole one that are not to be kept, nor to be gone back to. */
  void keep(int round, int back, CheckpointConfig keep) throws IOException {
    int newer = 0;
    List<Integer> rounds = rounds();
    for (int i = rounds.size() - 1; i >= 0; i--) {
      int old = rounds.get(i);
      if (old > round) {
        continue; // left by a run that had got further, and not whole
      }
      boolean whole = !damaged.contains(path(old));
      boolean wanted =
          newer < keep.keep() || old == back || staysForGood(old, keep.keepEveryRounds());
      boolean stays = whole && wanted;
      newer += whole ? 1 : 0;
      if (!stays) {
        storage.delete(path(old));
      }
    }
  }

  private static boolean staysForGood(int round, int every) {
    return round == 0 || (every > 0 && round % every == 0);
  }

  /** Removes the checkpoints after a round. */
  void cut(int round) throws IOException {
    for (int later : rounds()) {
      if (later > round) {
        storage.delete(path(later));
      }
    }
  }
}
