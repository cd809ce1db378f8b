package dev.recall.job.store;

import java.io.IOException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/** Runs saves one after the other, on the caller's thread or behind its back. */
final class Saver implements AutoCloseable {

  private final ExecutorService thread; // null: on the caller's
  private Future<?> running;

  Saver(boolean background) {
    thread =
        background
            ? Executors.newSingleThreadExecutor(
                work -> {
                  Thread saving = new Thread(work, "recall-checkpoints");
                  saving.setDaemon(true);
                  return saving;
                })
            : null;
  }

  /** Something that writes. */
  interface Save {
    void run() throws IOException;
  }

  /** Runs a save, or lets it run; one that had begun before is waited for. */
  void run(Save save) throws IOException {
    await();
    if (thread == null) {
      save.run();
    } else {
      running =
          thread.submit(
              () -> {
                save.run();
                return null;
              });
    }
  }

  /** Tells of a save behind the caller's back that has failed by now. */
  void throwIfFailed() throws IOException {
    if (running != null && running.isDone()) {
      await();
    }
  }

  /** Waits for what runs; each of its operations has a deadline of its own. */
  void await() throws IOException {
    Future<?> save = running;
    running = null;
    if (save == null) {
      return;
    }
    try {
      save.get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException unchecked) {
        throw unchecked;
      }
      throw new IOException(e.getCause().getMessage(), e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while a checkpoint was written", e);
    }
  }

  /** Waits for what runs, however it ends. */
  @Override
  public void close() {
    if (thread == null) {
      return;
    }
    thread.shutdown();
    try {
      thread.awaitTermination(Long.MAX_VALUE, TimeUnit.NANOSECONDS); // deadlines as above
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
