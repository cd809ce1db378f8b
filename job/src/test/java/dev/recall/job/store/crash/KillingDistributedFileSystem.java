package dev.recall.job.store.crash;

import java.io.IOException;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.hdfs.DistributedFileSystem;
import org.apache.hadoop.util.Progressable;

/** HDFS under a {@link KillSwitch}, but for renames. */
public final class KillingDistributedFileSystem extends DistributedFileSystem {

  private KillSwitch kill() {
    return KillSwitch.of(getConf());
  }

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
    return KillingStream.around(
        kill(),
        path,
        () ->
            super.create(
                path, permission, overwrite, bufferSize, replication, blockSize, progress));
  }

  @Override
  public boolean delete(Path path, boolean recursive) throws IOException {
    return kill().around("delete", path, () -> super.delete(path, recursive));
  }

  @Override
  public boolean mkdirs(Path path, FsPermission permission) throws IOException {
    return kill().around("mkdirs", path, () -> super.mkdirs(path, permission));
  }
}
