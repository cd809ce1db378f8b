package dev.recall.job.store;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.hadoop.fs.FSError;

/**
 * Calls to file systems that end in time.
 *
 * <p>Note to the maintainer. Calls are made on threads of their own. A caller that waited itself
 * would depend on a file system that heeds interrupts, and an interrupt that comes late would hit
 * what the caller does next. Here the interrupt reaches the thread of the call only, and what a
 * late call returns reaches nobody.
 */
final class BoundedCalls {

  /** A call that was given up. */
  static final class NoAnswer extends IOException {
    private static final long serialVersionUID = 1L;

    NoAnswer(String message) {
      super(message);
    }
  }

  /** A call that returns nothing. */
  @FunctionalInterface
  interface Action {
    void run() throws IOException;
  }

  private final ExecutorService threads = Executors.newCachedThreadPool(BoundedCalls::daemon);
  private final int seconds;

  BoundedCalls(int seconds) {
    if (seconds < 1) {
      throw new IllegalArgumentException("expected at least 1 s, found " + seconds);
    }
    this.seconds = seconds;
  }

  private static Thread daemon(Runnable calls) {
    Thread thread = new Thread(calls, "file system");
    thread.setDaemon(true);
    return thread;
  }

  /** Calls; path and operation are for the message. */
  <T> T call(Object path, String operation, Callable<T> call) throws IOException {
    String what = path + ": " + operation + ": ";
    Future<T> answer = threads.submit(call);
    try {
      return answer.get(seconds, TimeUnit.SECONDS);
    } catch (TimeoutException e) {
      throw new NoAnswer(what + "no answer for " + seconds + " s");
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new InterruptedIOException(what + "interrupted");
    } catch (ExecutionException e) {
      throw asItWas(e.getCause());
    } finally {
      answer.cancel(true);
    }
  }

  /** Calls what returns nothing. */
  void run(Object path, String operation, Action action) throws IOException {
    call(
        path,
        operation,
        () -> {
          action.run();
          return true;
        });
  }

  private static IOException asItWas(Throwable thrown) {
    if (thrown instanceof IOException e) {
      return e;
    }
    if (thrown instanceof FSError e) {
      // By which Hadoop's local file system says that the disk is full.
      return new IOException(e.getCause().getMessage(), e.getCause());
    }
    if (thrown instanceof RuntimeException e) {
      throw e;
    }
    if (thrown instanceof Error e) {
      throw e;
    }
    return new IOException(thrown);
  }
}
