package dev.recall.job.spark;

import java.io.Serializable;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.broadcast.Broadcast;

/**
 * What every task of a round starts from: the parameters, then the local optimizer's state, slot by
 * slot.
 *
 * <p>Note to the maintainer. Spark broadcasts each job's closure anyway, so small vectors ride in
 * it: an own broadcast costs the driver about a millisecond a round more. Large ones would be
 * deserialized for every task of an executor instead of once.
 */
sealed interface RoundStart extends Serializable, AutoCloseable {

  /** Vectors of up to this many bytes ride in the closure. */
  int CLOSURE_BYTES = 1 << 18;

  /** The vectors themselves, read only. */
  float[][] vectors();

  @Override
  default void close() {}

  /** Whether vectors of so many bytes ride in the closure. */
  static boolean fitsClosure(long bytes) {
    return bytes <= CLOSURE_BYTES;
  }

  /** Chooses by size. */
  static RoundStart of(JavaSparkContext spark, float[] parameters, float[][] localState) {
    float[][] vectors = new float[1 + localState.length][];
    vectors[0] = parameters;
    System.arraycopy(localState, 0, vectors, 1, localState.length);
    long bytes = 4L * parameters.length * vectors.length;
    return fitsClosure(bytes) ? new InClosure(vectors) : new Broadcasted(spark.broadcast(vectors));
  }

  /** Rides in the closure. */
  record InClosure(float[][] vectors) implements RoundStart {}

  /** Is fetched once per executor, and destroyed after the round. */
  record Broadcasted(Broadcast<float[][]> broadcast) implements RoundStart {
    @Override
    public float[][] vectors() {
      return broadcast.value();
    }

    @Override
    public void close() {
      broadcast.destroy();
    }
  }
}
