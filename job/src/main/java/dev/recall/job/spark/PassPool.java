package dev.recall.job.spark;

import dev.recall.job.train.ShardPass;
import dev.recall.job.train.ShardPlan;
import java.io.Serializable;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Deque;
import org.apache.spark.SparkEnv;
import org.apache.spark.serializer.JavaSerializer;
import org.apache.spark.serializer.SerializerInstance;
import org.slf4j.LoggerFactory;
import scala.reflect.ClassTag;
import scala.reflect.ClassTag$;

/**
 * What stays on an executor from round to round: the plan, and engines with their buffers, one per
 * running task. It is broadcast once per run without engines; each executor fills its own copy.
 *
 * <p>Note to the maintainer. The plan travels as bytes of Java's serialization, whatever {@code
 * spark.serializer} is, because records do not cross as data under Kryo. In the closure of each
 * round it cost every task a tenth of a millisecond.
 */
final class PassPool implements Serializable {

  private static final long serialVersionUID = 1L;
  private static final ClassTag<ShardPlan> PLAN = ClassTag$.MODULE$.apply(ShardPlan.class);

  private final byte[] planBytes;
  private transient ShardPlan plan;
  private transient Deque<ShardPass> idle;

  PassPool(ShardPlan plan) {
    ByteBuffer bytes = serializer().serialize(plan, PLAN);
    this.planBytes = new byte[bytes.remaining()];
    bytes.get(planBytes);
  }

  private static SerializerInstance serializer() {
    return new JavaSerializer(SparkEnv.get().conf()).newInstance();
  }

  /** Returns the plan, on executors. */
  synchronized ShardPlan plan() {
    if (plan == null) {
      // A task's thread has the class loader that knows the application's classes.
      ClassLoader loader = Thread.currentThread().getContextClassLoader();
      plan = serializer().deserialize(ByteBuffer.wrap(planBytes), loader, PLAN);
    }
    return plan;
  }

  synchronized ShardPass take() {
    if (idle == null) {
      idle = new ArrayDeque<>();
      String executor = SparkEnv.get().executorId();
      if (!executor.equals("driver")) {
        LoggerFactory.getLogger(PassPool.class)
            .info("executor {} has the {}", executor, plan().engine().description());
      }
    }
    return idle.isEmpty() ? new ShardPass(plan()) : idle.pop();
  }

  synchronized void giveBack(ShardPass pass) {
    idle.push(pass);
  }
}
