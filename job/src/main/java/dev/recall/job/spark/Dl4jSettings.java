package dev.recall.job.spark;

import dev.recall.job.config.UserError;
import org.apache.spark.SparkConf;

/** What Deeplearning4j wants of Spark and of its executors. */
final class Dl4jSettings {

  private static final String THREADS = "spark.executorEnv.OMP_NUM_THREADS";
  private static final String OPTIONS = "spark.executor.extraJavaOptions";
  private static final String SERIALIZER = "spark.serializer";
  private static final String TIME_SOURCE = "org.deeplearning4j.spark.time.TimeSource";
  private static final String SYSTEM_CLOCK = "org.deeplearning4j.spark.time.SystemClockTimeSource";

  private Dl4jSettings() {}

  /**
   * One thread per task, and no time server, unless the user said otherwise.
   *
   * @throws UserError when arrays of ND4J would be serialized by Kryo
   */
  static void put(SparkConf conf) {
    String serializer = conf.get(SERIALIZER, "");
    if (serializer.endsWith("KryoSerializer")) {
      throw new UserError(
          SERIALIZER
              + ": expected org.apache.spark.serializer.JavaSerializer, Spark's default, with"
              + " training.strategy = dl4j-parameter-averaging, found "
              + serializer);
    }
    conf.setIfMissing(THREADS, "1");
    if (System.getProperty(TIME_SOURCE) == null) {
      System.setProperty(TIME_SOURCE, SYSTEM_CLOCK);
    }
    String options = conf.get(OPTIONS, "");
    if (!options.contains(TIME_SOURCE)) {
      conf.set(OPTIONS, (options + " -D" + TIME_SOURCE + "=" + SYSTEM_CLOCK).strip());
    }
  }
}
