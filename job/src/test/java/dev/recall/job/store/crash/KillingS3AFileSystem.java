package dev.recall.job.store.crash;

import com.amazonaws.event.ProgressEvent;
import com.amazonaws.event.ProgressEventType;
import com.amazonaws.event.ProgressListener;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.fs.s3a.S3AFileSystem;
import org.apache.hadoop.util.Progressable;

/** An object store under a {@link KillSwitch}. The middle of closing is in the request. */
public final class KillingS3AFileSystem extends S3AFileSystem {

  private KillSwitch kill() {
    return KillSwitch.of(getConf());
  }

  /** Strikes when bytes of an object are on their way. */
  private record Request(KillSwitch kill, AtomicInteger closing)
      implements Progressable, ProgressListener {

    @Override
    public void progress() {
      // S3A takes the listener below instead.
    }

    @Override
    public void progressChanged(ProgressEvent event) {
      if (event.getEventType() == ProgressEventType.REQUEST_BYTE_TRANSFER_EVENT) {
        try {
          kill.strike(closing.get(), KillSwitch.Phase.MIDDLE);
        } catch (IOException e) {
          throw new UncheckedIOException(e);
        }
      }
    }
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
    AtomicInteger closing = new AtomicInteger();
    return KillingStream.around(
        kill(),
        path,
        closing,
        () ->
            super.create(
                path,
                permission,
                overwrite,
                bufferSize,
                replication,
                blockSize,
                new Request(kill(), closing)));
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
