package dev.recall.job.store.crash;

import java.io.IOException;
import java.net.URI;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.AbstractFileSystem;
import org.apache.hadoop.fs.FilterFs;
import org.apache.hadoop.fs.Hdfs;
import org.apache.hadoop.fs.Path;

/** The renames of HDFS under a {@link KillSwitch}. */
public final class KillingHdfs extends FilterFs {

  private final KillSwitch kill;

  /**
   * Opens HDFS; called by Hadoop.
   *
   * @param uri of the file system
   * @param configuration Hadoop's
   * @throws Exception when it cannot be opened
   */
  public KillingHdfs(URI uri, Configuration configuration) throws Exception {
    super(AbstractFileSystem.createFileSystem(uri, plain(configuration)));
    kill = KillSwitch.of(configuration);
  }

  private static Configuration plain(Configuration configuration) {
    Configuration plain = new Configuration(configuration);
    plain.set("fs.AbstractFileSystem.hdfs.impl", Hdfs.class.getName());
    return plain;
  }

  @Override
  public void renameInternal(Path from, Path to, boolean overwrite) throws IOException {
    kill.around(
        "rename",
        to,
        () -> {
          super.renameInternal(from, to, overwrite);
          return true;
        });
  }
}
