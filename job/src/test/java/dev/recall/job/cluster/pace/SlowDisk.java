package dev.recall.job.cluster.pace;

import java.io.IOException;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.LocalFileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.util.Progressable;

/**
 * The local disk at a {@link Pace}. Spark needs it before it has the submitted jar, and so without
 * what is in there.
 */
public final class SlowDisk extends LocalFileSystem {

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
