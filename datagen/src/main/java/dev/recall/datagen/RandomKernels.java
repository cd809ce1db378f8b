package dev.recall.datagen;

import java.util.Optional;
import java.util.ServiceLoader;

/**
 * The kernel of a stream that is opened for one batch after the other: the plain one at first, and
 * the vector one when that has been found quicker. Both give the same bits, so a measured time may
 * decide.
 *
 * <p>Note to the maintainer. Before C2 has compiled it, a call of the Vector API takes up to a
 * microsecond and a batch of the seed's task milliseconds; compiling takes a second of CPU. A batch
 * saves 4 us, so a process has to make some 250,000 to get that back. Hence the first {@link #REST}
 * blocks are plain: who has come so far has likely as many before him. Then every 16th batch is a
 * trial, whose values nobody reads.
 *
 * <p>C2 comes after a number of calls, whatever their length. So a trial is one small request and
 * some empty ones. With more empty ones, or a request of one iteration only, C2 takes the loop for
 * cold and leaves its constants inside: 5 to 12 us per batch instead of 2.5. The last condition of
 * {@link #vectorIsQuicker} is for code that comes out like that nevertheless.
 */
final class RandomKernels {
  private static final String MODULE = "jdk.incubator.vector";

  /** Blocks before the first trial: 113,000 batches of the seed's task. */
  private static final long REST = 1L << 25;

  private static final int EVERY = 16;
  private static final int EMPTY = 8;
  private static final int SMALL = 16;

  /** Compiled, a small request takes 0.2 us; until then, 20 us and more. */
  private static final long COMPILED_NANOS = 5_000;

  private final RandomKernel first;
  private final long rest;
  private final int[] words = new int[4 * RandomKernel.CHUNK];
  private final float[] values = new float[4 * RandomKernel.CHUNK];
  private RandomKernel vector; // null until the first trial
  private RandomKernel chosen;
  private long blocks;
  private int batches;

  RandomKernels() {
    this(new PlainKernel(), REST);
  }

  /** Begins with another kernel, and its trials after another number of blocks. */
  RandomKernels(RandomKernel first, long rest) {
    this.first = first;
    this.rest = rest;
    this.chosen = first;
  }

  /**
   * Makes a kernel on the Vector API.
   *
   * @return empty where the JVM was started without it, or the machine's vectors are too short
   */
  static Optional<RandomKernel> vector() {
    return Fastest.PROVIDER.map(ServiceLoader.Provider::get);
  }

  /**
   * The kernel for the next batch, opened at its key.
   *
   * @param taken blocks of the batch before
   */
  RandomKernel open(BatchKey key, long taken) {
    blocks += taken;
    if (blocks > rest && chosen == first && ++batches % EVERY == 0 && vectorIsQuicker(key)) {
      chosen = vector;
    }
    chosen.open(key);
    return chosen;
  }

  private boolean vectorIsQuicker(BatchKey key) {
    if (vector == null) {
      vector = vector().orElse(first);
    }
    if (vector == first) {
      return false;
    }
    for (int i = 0; i < EMPTY; i++) {
      nanos(vector, key, 0);
    }
    return nanos(vector, key, SMALL) < COMPILED_NANOS && chunk(vector, key) < chunk(first, key);
  }

  /** The shortest of some times, so that an interrupt does not decide. */
  private long chunk(RandomKernel kernel, BatchKey key) {
    long shortest = Long.MAX_VALUE;
    for (int i = 0; i < EVERY; i++) {
      shortest = Math.min(shortest, nanos(kernel, key, RandomKernel.CHUNK));
    }
    return shortest;
  }

  private long nanos(RandomKernel kernel, BatchKey key, int count) {
    long start = System.nanoTime();
    kernel.open(key);
    kernel.words(0, count, words);
    kernel.gaussians(words, values, 0, 2 * count);
    return System.nanoTime() - start;
  }

  /** Looks once per JVM, and not before the module is known to be there. */
  private static final class Fastest {
    private static final Optional<ServiceLoader.Provider<RandomKernel>> PROVIDER =
        ModuleLayer.boot().findModule(MODULE).isPresent()
            ? ServiceLoader.load(RandomKernel.class, RandomKernel.class.getClassLoader()).stream()
                .filter(provider -> provider.get().suitsThisMachine())
                .findFirst()
            : Optional.empty();
  }
}
