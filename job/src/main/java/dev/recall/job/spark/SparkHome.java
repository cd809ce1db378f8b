package dev.recall.job.spark;

import java.util.HashMap;
import java.util.Map;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaSparkContext;

/** The Spark that spark-submit configured. */
public final class SparkHome {

  private static final String MAIN_CLASS = "dev.recall.job.Main";

  private SparkHome() {}

  /**
   * Starts a context with what spark-submit said; only what it left open is set here.
   *
   * @param name application name where none was given
   * @return the context
   */
  static JavaSparkContext start(String name) {
    SparkConf conf = new SparkConf();
    conf.setIfMissing("spark.master", "local[*]");
    // spark-submit calls an application without --name after its main class.
    if (conf.get("spark.app.name", MAIN_CLASS).equals(MAIN_CLASS)) {
      conf.setAppName(name);
    }
    return new JavaSparkContext(conf);
  }

  /**
   * Returns the Hadoop settings given to spark-submit as {@code spark.hadoop.*}.
   *
   * @return Hadoop keys and values
   */
  public static Map<String, String> hadoopSettings() {
    Map<String, String> settings = new HashMap<>();
    for (scala.Tuple2<String, String> entry : new SparkConf().getAllWithPrefix("spark.hadoop.")) {
      settings.put(entry._1(), entry._2());
    }
    return settings;
  }
}
