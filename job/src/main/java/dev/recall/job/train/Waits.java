package dev.recall.job.train;

import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * Waits that have an end, and say meanwhile what they are for.
 *
 * <p>Note to the maintainer. What is waited for runs on a thread of its own: an interrupt of the
 * caller would depend on code that heeds it, and could come late and hit what the caller does next.
 */
public final class Waits implements AutoCloseable {

  private static final double NANOS = 1e9;

  private final ExecutorService threads = Executors.newCachedThreadPool(Waits::daemon);
  private final Consumer<String> lines;
  private final double tellEverySeconds;

  /**
   * Prepares waits.
   *
   * @param lines receives what is waited for, again and again
   * @param tellEverySeconds how often, above 0
   */
  public Waits(Consumer<String> lines, double tellEverySeconds) {
    this.lines = lines;
    this.tellEverySeconds = tellEverySeconds;
  }

  private static Thread daemon(Runnable work) {
    Thread thread = new Thread(work, "recall-waited-for");
    thread.setDaemon(true);
    return thread;
  }

  /**
   * Calls, and waits for the result.
   *
   * @param seconds at most so long
   * @param what is waited for
   * @param call what to do; interrupted when it takes longer
   * @param <T> its result
   * @return the result
   * @throws WaitedTooLong when there is none in time
   * @throws RuntimeException what the call threw
   */
  public <T> T within(double seconds, Supplier<String> what, Callable<T> call) {
    Future<T> result = threads.submit(call);
    long start = System.nanoTime();
    try {
      for (double told = tellEverySeconds; ; told += tellEverySeconds) {
        double until = Math.min(told, seconds);
        long left = (long) (until * NANOS) - (System.nanoTime() - start);
        try {
          return result.get(Math.max(0, left), TimeUnit.NANOSECONDS);
        } catch (TimeoutException e) {
          if (until >= seconds) {
            throw new WaitedTooLong(
                String.format(Locale.ROOT, "waited %.0f s for %s", seconds, what.get()));
          }
          lines.accept(
              String.format(
                  Locale.ROOT,
                  "waiting for %s: %.0f of at most %.0f s",
                  what.get(),
                  until,
                  seconds));
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new WaitedTooLong("interrupted: " + what.get());
    } catch (ExecutionException e) {
      throw asItWas(e.getCause());
    } finally {
      result.cancel(true);
    }
  }

  private static RuntimeException asItWas(Throwable thrown) {
    if (thrown instanceof RuntimeException e) {
      return e;
    }
    if (thrown instanceof Error e) {
      throw e;
    }
    return new IllegalStateException(thrown.getMessage(), thrown);
  }

  /**
   * Lets rounds end in time.
   *
   * @param rounds runs the shards
   * @param seconds for each round
   * @return the same rounds
   */
  public RoundRunner bound(RoundRunner rounds, double seconds) {
    return new Bound(rounds, seconds);
  }

  /** Rounds with a deadline. */
  private final class Bound implements RoundRunner {
    private final RoundRunner rounds;
    private final double seconds;

    Bound(RoundRunner rounds, double seconds) {
      this.rounds = rounds;
      this.seconds = seconds;
    }

    @Override
    public RoundSum run(int round, float[] parameters, float[][] localState) {
      return within(
          seconds,
          () -> "the shards of round " + (round + 1) + ", " + rounds.standing(),
          () -> rounds.run(round, parameters, localState));
    }

    @Override
    public boolean updates() {
      return rounds.updates();
    }

    @Override
    public void use(ShardPlan plan) {
      rounds.use(plan);
    }

    @Override
    public int parallelism() {
      return rounds.parallelism();
    }

    @Override
    public String standing() {
      return rounds.standing();
    }

    @Override
    public void close() {
      rounds.close();
    }
  }

  @Override
  public void close() {
    threads.shutdownNow();
  }

  /** Something did not happen in time. */
  public static final class WaitedTooLong extends RuntimeException {

    private static final long serialVersionUID = 1L;

    WaitedTooLong(String message) {
      super(message);
    }
  }
}
