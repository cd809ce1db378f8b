package dev.recall.job.spark;

import static org.awaitility.Awaitility.await;

import dev.recall.job.ClassPaths;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.spark.SparkConf;
import org.apache.spark.deploy.master.Master;
import org.apache.spark.deploy.worker.Worker;
import org.apache.spark.rpc.RpcEnv;
import scala.Option;

/**
 * A standalone Master and two Workers in this JVM, as Spark's own local-cluster mode has them; the
 * executors are processes of their own. The Workers have different addresses, because Spark runs no
 * speculative copy on the host of the first.
 */
final class LoopbackCluster implements AutoCloseable {

  private static final String DRIVER = "127.0.0.1";

  private final List<RpcEnv> daemons = new ArrayList<>();
  private final String master;
  private final Path workFolder;
  private final int megabytes;

  LoopbackCluster(Path workFolder) {
    this(workFolder, 2);
  }

  LoopbackCluster(Path workFolder, int workers) {
    this(workFolder, workers, 512);
  }

  /** Each executor has so much memory. */
  LoopbackCluster(Path workFolder, int workers, int megabytes) {
    this.workFolder = workFolder;
    this.megabytes = megabytes;
    SparkConf conf =
        new SparkConf(false)
            .set("spark.master.rest.enabled", "false")
            .set("spark.ui.port", "0")
            .set("spark.local.dir", workFolder.toString());
    RpcEnv first = Master.startRpcEnvAndEndpoint(DRIVER, 0, 0, conf)._1();
    daemons.add(first);
    master = "spark://" + DRIVER + ":" + first.address().port();
    for (int worker = 1; worker <= workers; worker++) {
      daemons.add(
          Worker.startRpcEnvAndEndpoint(
              "127.0.0.1" + worker,
              0,
              0,
              1,
              megabytes,
              new String[] {master},
              workFolder.toString(),
              Option.apply(worker),
              conf,
              Option.empty()));
    }
  }

  /** Where applications ask for executors. */
  String master() {
    return master;
  }

  /**
   * Settings of an application whose executors have what trains on their class path and no Spark
   * home.
   */
  SparkConf conf() {
    return new SparkConf(false)
        .setMaster(master)
        .set("spark.driver.host", DRIVER)
        .set("spark.executor.memory", megabytes + "m")
        .set("spark.executor.cores", "1")
        .set("spark.executor.extraClassPath", ClassPaths.archived().classPath())
        .set(
            "spark.executor.extraJavaOptions",
            "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Djava.io.tmpdir="
                + workFolder
                + " "
                + String.join(" ", ClassPaths.archived().options()))
        // Spark's launcher looks for its jars unless it is told that it is being tested.
        .set("spark.executorEnv.SPARK_TESTING", "1")
        .set("spark.executorEnv.SPARK_SCALA_VERSION", "2.12");
  }

  /** The same settings as options of a driver's JVM. */
  List<String> executorOptions() {
    return Arrays.stream(conf().getAll())
        .filter(setting -> setting._1().startsWith("spark.executor"))
        .map(setting -> "-D" + setting._1() + "=" + setting._2())
        .toList();
  }

  @Override
  public void close() {
    daemons.forEach(RpcEnv::shutdown);
    daemons.forEach(RpcEnv::awaitTermination);
    await("executors have ended and write no more")
        .atMost(Duration.ofSeconds(20))
        .until(() -> ProcessHandle.current().children().noneMatch(LoopbackCluster::isExecutor));
  }

  private static boolean isExecutor(ProcessHandle process) {
    return process.info().commandLine().orElse("").contains("CoarseGrainedExecutorBackend");
  }
}
