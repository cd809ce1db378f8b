package dev.recall.job.spark;

import dev.recall.job.config.Strategy;
import dev.recall.job.train.ShardPlan;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.sql.SparkSession;

/** The Spark that spark-submit configured. */
public final class SparkHome {

  private static final String MAIN_CLASS = "dev.recall.job.Main";

  private static final String MASTER = "spark.master";
  private static final String LOCAL = "local[*]";

  private SparkHome() {}

  /**
   * Tells whether spark-submit was given a master that runs tasks in the driver, or none.
   *
   * @return false with executors
   */
  public static boolean isLocal() {
    return master().matches("local(\\[.*)?");
  }

  /**
   * Returns the master that spark-submit was given, or the one that stands in for none.
   *
   * @return its URL
   */
  public static String master() {
    return new SparkConf().get(MASTER, LOCAL);
  }

  /**
   * Returns Spark's version.
   *
   * @return for example 3.5.5
   */
  public static String version() {
    return org.apache.spark.package$.MODULE$.SPARK_VERSION();
  }

  /**
   * Starts a context with what spark-submit said; only what it left open is set here.
   *
   * <p>Note to the maintainer. For every broadcast Spark allocates and clears a buffer of {@code
   * spark.broadcast.blockSize}, 4 MB by default, and the task of each round is broadcast. Large
   * parameters keep Spark's size.
   *
   * @param name application name where none was given
   * @param plan what the run's shards have in common
   * @return the context
   */
  static JavaSparkContext start(String name, ShardPlan plan) {
    SparkConf conf = named(name);
    if (RoundStart.fitsClosure(plan.vectorBytes())) {
      conf.setIfMissing("spark.broadcast.blockSize", RoundStart.CLOSURE_BYTES / 1024 + "k");
    }
    if (plan.strategy() == Strategy.DL4J_PARAMETER_AVERAGING) {
      Dl4jSettings.put(conf);
    }
    return new JavaSparkContext(conf);
  }

  /**
   * Starts a session of Spark SQL with what spark-submit said, or takes the one that there is.
   *
   * @param name application name where none was given
   * @return the session
   * @throws IllegalStateException when a standalone Master does not answer
   */
  public static SparkSession session(String name) {
    SparkSession session = SparkSession.builder().config(named(name)).getOrCreate();
    new SparkCluster(JavaSparkContext.fromSparkContext(session.sparkContext())).checked();
    return session;
  }

  private static SparkConf named(String name) {
    SparkConf conf = new SparkConf();
    conf.setIfMissing(MASTER, LOCAL);
    // spark-submit calls an application without --name after its main class.
    if (conf.get("spark.app.name", MAIN_CLASS).equals(MAIN_CLASS)) {
      conf.setAppName(name);
    }
    return conf;
  }

  /**
   * Returns the Hadoop settings given to spark-submit as {@code spark.hadoop.*}.
   *
   * @return Hadoop keys and values
   */
  public static Map<String, String> hadoopSettings() {
    return hadoopSettings(new SparkConf());
  }

  /**
   * Returns the Hadoop settings among Spark's.
   *
   * @param conf of a context
   * @return Hadoop keys and values
   */
  public static Map<String, String> hadoopSettings(SparkConf conf) {
    Map<String, String> settings = new HashMap<>();
    for (scala.Tuple2<String, String> entry : conf.getAllWithPrefix("spark.hadoop.")) {
      settings.put(entry._1(), entry._2());
    }
    return settings;
  }

  /**
   * Returns a setting that spark-submit was given.
   *
   * @param key Spark's
   * @return its value, if there is one
   */
  public static Optional<String> setting(String key) {
    return Optional.ofNullable(new SparkConf().get(key, null));
  }
}
