package dev.recall.job.spark;

import dev.recall.job.train.ShardPass;
import dev.recall.job.train.TaskResult;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import org.apache.spark.TaskContext;
import org.apache.spark.broadcast.Broadcast;
import scala.collection.Iterator;
import scala.runtime.AbstractFunction2;

/**
 * The task of a round: runs the shards of its partition. A named class instead of a lambda: Spark's
 * closure cleaner then has nothing to search, which saves milliseconds per round.
 */
final class RoundTask extends AbstractFunction2<TaskContext, Iterator<Integer>, TaskResult>
    implements Serializable {

  private static final long serialVersionUID = 1L;

  private final Broadcast<PassPool> pool;
  private final RoundStart start;
  private final int round;

  RoundTask(Broadcast<PassPool> pool, RoundStart start, int round) {
    this.pool = pool;
    this.start = start;
    this.round = round;
  }

  @Override
  public TaskResult apply(TaskContext context, Iterator<Integer> partition) {
    List<Integer> shards = new ArrayList<>();
    while (partition.hasNext()) {
      shards.add(partition.next());
    }
    float[][] vectors = start.vectors();
    float[][] localState = new float[vectors.length - 1][];
    System.arraycopy(vectors, 1, localState, 0, localState.length);
    PassPool passes = pool.value();
    ShardPass pass = passes.take();
    TaskResult result =
        TaskResult.of(shards, shard -> pass.run(vectors[0], localState, round, shard));
    passes.giveBack(pass);
    return result;
  }
}
