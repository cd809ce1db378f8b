package dev.recall.job.cluster.pace;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.apache.hadoop.conf.Configuration;

/**
 * How fast a run goes: slowly, so that its rounds cost little while something happens to them,
 * until it is let go. Its checkpoints take long, on {@link SlowDisk} and on {@link SlowHdfs}.
 */
public final class Pace {

  private static final String WHILE = "recall.pace.while";
  private static final long CHECKPOINT_NANOS = TimeUnit.MILLISECONDS.toNanos(250);

  private final Path slow;

  /**
   * Slow from now on.
   *
   * @param slow a file that is there as long
   */
  public Pace(Path slow) throws IOException {
    this.slow = Files.createFile(slow);
  }

  /** What spark-submit needs to hear of it. */
  public List<String> options() {
    return List.of(
        "--conf",
        "spark.hadoop." + WHILE + "=" + slow,
        "--conf",
        "spark.hadoop.fs.file.impl=" + SlowDisk.class.getName(),
        "--conf",
        "spark.hadoop.fs.hdfs.impl=" + SlowHdfs.class.getName());
  }

  /** As fast as it can be, from the next checkpoint on. */
  public void letGo() throws IOException {
    Files.deleteIfExists(slow);
  }

  /** Called before a file is made. */
  static void keep(Configuration configuration, org.apache.hadoop.fs.Path path) {
    if (path.getParent().getName().equals("checkpoints")
        && Files.exists(Path.of(configuration.get(WHILE)))) {
      LockSupport.parkNanos(CHECKPOINT_NANOS);
    }
  }
}
