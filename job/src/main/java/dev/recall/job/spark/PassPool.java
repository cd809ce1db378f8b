package dev.recall.job.spark;

import dev.recall.job.train.ShardPass;
import dev.recall.job.train.ShardPlan;
import dev.recall.model.recurrent.Engines;
import java.io.Serializable;
import java.util.ArrayDeque;
import java.util.Deque;
import org.apache.spark.SparkEnv;
import org.slf4j.LoggerFactory;

/**
 * Engines and buffers of one executor, one per running task, kept between rounds. It is broadcast
 * once per run, empty; each executor fills its own copy. Holds no plan, since records do not cross
 * as data under Kryo.
 */
final class PassPool implements Serializable {

  private static final long serialVersionUID = 1L;

  private transient Deque<ShardPass> idle;

  synchronized ShardPass take(ShardPlan plan) {
    if (idle == null) {
      idle = new ArrayDeque<>();
      String executor = SparkEnv.get().executorId();
      if (!executor.equals("driver")) {
        LoggerFactory.getLogger(PassPool.class)
            .info("executor {} has the {}", executor, Engines.description());
      }
    }
    return idle.isEmpty() ? new ShardPass(plan) : idle.pop();
  }

  synchronized void giveBack(ShardPass pass) {
    idle.push(pass);
  }
}
