package dev.recall.job.train;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Runs rounds on threads of this JVM, without Spark. */
public final class LocalRounds implements RoundRunner {

  private final int shards;
  private final List<List<Integer>> groups = new ArrayList<>();
  private final List<ShardPass> passes = new ArrayList<>();
  private final ExecutorService threads;

  /**
   * Starts the threads.
   *
   * @param plan what the run's shards have in common
   * @param threadCount at least 1; more than there are shards are not used
   */
  public LocalRounds(ShardPlan plan, int threadCount) {
    this.shards = plan.shards();
    int tasks = Math.min(threadCount, shards);
    for (int task = 0; task < tasks; task++) {
      groups.add(range(task * (long) shards / tasks, (task + 1L) * shards / tasks));
    }
    use(plan);
    threads =
        Executors.newFixedThreadPool(
            tasks,
            work -> {
              Thread thread = new Thread(work, "recall-shards");
              thread.setDaemon(true);
              return thread;
            });
  }

  private static List<Integer> range(long from, long to) {
    List<Integer> range = new ArrayList<>();
    for (long shard = from; shard < to; shard++) {
      range.add((int) shard);
    }
    return range;
  }

  @Override
  public void use(ShardPlan plan) {
    passes.clear();
    groups.forEach(group -> passes.add(new ShardPass(plan)));
  }

  @Override
  public RoundSum run(int round, float[] parameters, float[][] localState) {
    List<Future<TaskResult>> running = new ArrayList<>();
    for (int task = 0; task < groups.size(); task++) {
      ShardPass pass = passes.get(task);
      List<Integer> group = groups.get(task);
      running.add(
          threads.submit(
              () -> TaskResult.of(group, shard -> pass.run(parameters, localState, round, shard))));
    }
    List<TaskResult> results = new ArrayList<>();
    for (Future<TaskResult> task : running) {
      results.add(result(task));
    }
    return TaskResult.merge(results, shards);
  }

  private static TaskResult result(Future<TaskResult> task) {
    try {
      return task.get();
    } catch (ExecutionException e) {
      throw new IllegalStateException("a shard failed: " + e.getCause(), e.getCause());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted in a round", e);
    }
  }

  @Override
  public int parallelism() {
    return groups.size();
  }

  @Override
  public void close() {
    threads.shutdownNow();
  }
}
