package dev.recall.job.cluster.pace;

import java.io.IOException;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.hdfs.DistributedFileSystem;
import org.apache.hadoop.util.Progressable;

/** HDFS at a {@link Pace}. */
public final class SlowHdfs extends DistributedFileSystem {

  @Override
  public FSDataOutputStream create(
      Path path,
      FsPermission permission,
      boolean overwrite,
      int bufferSize,
      short replication,
      long blockSize,
      Progressable progress)
      throws IOException {
    Pace.keep(getConf(), path);
    return super.create(path, permission, overwrite, bufferSize, replication, blockSize, progress);
  }
}
