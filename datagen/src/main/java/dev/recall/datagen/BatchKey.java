package dev.recall.datagen;

import java.io.Serializable;
import java.util.Objects;

/**
 * Address of one batch. Equal keys give equal batches; different keys of one seed share no block of
 * random numbers.
 *
 * @param seed seed of the run; the 64-bit key of the generator
 * @param purpose what the batch is for
 * @param round training round, in [0, 2^28)
 * @param shard logical shard, at least 0
 * @param step step of the shard within the round, at least 0
 */
public record BatchKey(long seed, Purpose purpose, int round, int shard, int step)
    implements Serializable {

  /** Number of rounds that have batches of their own, 2^28. */
  public static final int MAX_ROUNDS = 1 << 28;

  /**
   * Checks the ranges.
   *
   * @param seed any value
   * @param purpose not null
   * @param round in [0, 2^28)
   * @param shard at least 0
   * @param step at least 0
   * @throws IllegalArgumentException if round, shard or step is out of its range
   * @throws NullPointerException if purpose is null
   */
  public BatchKey {
    Objects.requireNonNull(purpose, "purpose");
    Checks.inRange("round", round, 0, MAX_ROUNDS - 1);
    Checks.atLeast("shard", shard, 0);
    Checks.atLeast("step", step, 0);
  }

  /**
   * Opens the random numbers of this key. For one batch after the other, {@link
   * SequenceBatch#stream} gives the same numbers in less time.
   *
   * @return a new stream at its first block
   */
  public RandomStream stream() {
    return stream(new PlainKernel());
  }

  /** Opens the random numbers of this key on a kernel, which moves to it. */
  RandomStream stream(RandomKernel kernel) {
    kernel.open(this);
    return new RandomStream().open(kernel);
  }
}
