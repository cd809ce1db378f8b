package dev.recall.job.spark.predict;

import dev.recall.job.spark.SparkHome;
import org.apache.spark.SparkContext$;
import org.apache.spark.sql.SparkSession;

/** The Spark SQL of one command; the context that spark-submit configured. */
public final class ScoringSession implements AutoCloseable {

  private final SparkSession spark;
  private final boolean own;

  private ScoringSession(SparkSession spark, boolean own) {
    this.spark = spark;
    this.own = own;
  }

  /**
   * Starts a session, or takes the one that there is in this JVM.
   *
   * @param name application name where spark-submit was given none
   * @return the session, to be closed
   * @throws IllegalStateException when a standalone Master does not answer
   */
  public static ScoringSession start(String name) {
    boolean own = SparkContext$.MODULE$.getActive().isEmpty();
    return new ScoringSession(SparkHome.session(name), own);
  }

  SparkSession spark() {
    return spark;
  }

  @Override
  public void close() {
    if (own) {
      spark.stop();
    }
  }
}
