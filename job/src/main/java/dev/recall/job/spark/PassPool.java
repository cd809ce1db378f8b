package dev.recall.job.spark;

import dev.recall.job.train.ShardPass;
import dev.recall.job.train.ShardPlan;
import java.io.Serializable;
import java.util.ArrayDeque;
import java.util.Deque;

/**
 * Engines and buffers of one executor, one per running task, kept between rounds. It is broadcast
 * once per run, empty; each executor fills its own copy. Holds no plan, since records do not cross
 * as data under Kryo.
 */
final class PassPool implements Serializable {

  private static final long serialVersionUID = 1L;

  private transient Deque<ShardPass> idle;

  synchronized ShardPass take(ShardPlan plan) {
    if (idle == null || idle.isEmpty()) {
      return new ShardPass(plan);
    }
    return idle.pop();
  }

  synchronized void giveBack(ShardPass pass) {
    if (idle == null) {
      idle = new ArrayDeque<>();
    }
    idle.push(pass);
  }
}
