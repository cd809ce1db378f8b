package dev.recall.job.store;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.util.concurrent.locks.LockSupport;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.Syncable;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.util.Progressable;

/**
 * A disk that does not answer in one operation until a file is there, and heeds no interrupt. Then
 * the operation fails.
 */
public final class HangingFileSystem extends LocalDisk {

  static final String OPERATION = "recall.hang.operation";
  static final String UNTIL = "recall.hang.until";

  private void hangIn(String operation) throws IOException {
    if (operation.equals(getConf().get(OPERATION))) {
      java.nio.file.Path until = java.nio.file.Path.of(getConf().get(UNTIL));
      while (!Files.exists(until)) {
        Thread.interrupted();
        LockSupport.parkNanos(1_000_000);
      }
      throw new IOException("too late");
    }
  }

  private final class Stream extends OutputStream implements Syncable {
    private final FSDataOutputStream out;

    private Stream(FSDataOutputStream out) {
      this.out = out;
    }

    @Override
    public void write(int value) throws IOException {
      out.write(value);
    }

    @Override
    public void write(byte[] bytes, int from, int count) throws IOException {
      hangIn("write");
      out.write(bytes, from, count);
    }

    @Override
    public void hflush() throws IOException {
      out.hflush();
    }

    @Override
    public void hsync() throws IOException {
      hangIn("hsync");
      out.hsync();
    }

    @Override
    public void close() throws IOException {
      hangIn("close");
      out.close();
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
    hangIn("create");
    FSDataOutputStream out =
        super.create(path, permission, overwrite, bufferSize, replication, blockSize, progress);
    return new FSDataOutputStream(new Stream(out), null);
  }

  @Override
  public boolean rename(Path from, Path to) throws IOException {
    hangIn("rename");
    return super.rename(from, to);
  }

  @Override
  public boolean delete(Path path, boolean recursive) throws IOException {
    hangIn("delete");
    return super.delete(path, recursive);
  }

  @Override
  public boolean mkdirs(Path path) throws IOException {
    hangIn("mkdirs");
    return super.mkdirs(path);
  }

  @Override
  public FileStatus[] listStatus(Path path) throws IOException {
    hangIn("list");
    return super.listStatus(path);
  }

  @Override
  public FileStatus getFileStatus(Path path) throws IOException {
    hangIn("status");
    return super.getFileStatus(path);
  }
}
