package dev.recall.job;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Calls that begin in the same moment, each on a thread of its own. */
public final class AtOnce {

  private AtOnce() {}

  /** Their results, in the order of the calls; the first failure of one of them is thrown. */
  public static <T> List<T> all(List<Callable<T>> calls) throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(calls.size());
    CyclicBarrier together = new CyclicBarrier(calls.size());
    try {
      List<Callable<T>> waiting = new ArrayList<>();
      for (Callable<T> call : calls) {
        waiting.add(
            () -> {
              together.await();
              return call.call();
            });
      }
      List<T> results = new ArrayList<>();
      for (Future<T> result : threads.invokeAll(waiting)) {
        results.add(result.get());
      }
      return results;
    } finally {
      threads.shutdownNow();
    }
  }
}
