package dev.recall.job;

import dev.recall.job.store.LocalDisk;
import java.io.IOException;
import java.io.OutputStream;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.Syncable;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.util.Progressable;

/**
 * A disk that fails or hangs in some operations: those of which {@code OPERATION NAME} matches a
 * rule, with the name that the file has or is to have.
 */
public final class FailingFileSystem extends LocalDisk {

  private static final String FAILS = "recall.disk.fails";
  private static final String HANGS = "recall.disk.hangs";

  /** Settings of Hadoop for a disk that fails. */
  public static Map<String, String> failing(String rule) {
    return settings(FAILS, rule);
  }

  /** Settings of Hadoop for a disk that does not answer, and heeds no interrupt. */
  static Map<String, String> hanging(String rule) {
    return settings(HANGS, rule);
  }

  private static Map<String, String> settings(String key, String rule) {
    Map<String, String> settings = new HashMap<>();
    settings.put("fs.file.impl", FailingFileSystem.class.getName());
    // Others in this JVM want one that works.
    settings.put("fs.file.impl.disable.cache", "true");
    settings.put(key, rule);
    return settings;
  }

  private void meet(String operation, Path path) throws IOException {
    String name = path.getName().replaceAll("^\\.|\\.[0-9a-f-]{36}\\.tmp$", "");
    String what = operation + " " + path.getParent().getName() + "/" + name;
    if (what.matches(getConf().get(FAILS, ""))) {
      throw new IOException("it was to fail here");
    }
    while (what.matches(getConf().get(HANGS, ""))) {
      Thread.interrupted();
      LockSupport.parkNanos(1_000_000);
    }
  }

  private final class Stream extends OutputStream implements Syncable {
    private final FSDataOutputStream out;
    private final Path path;

    private Stream(FSDataOutputStream out, Path path) {
      this.out = out;
      this.path = path;
    }

    @Override
    public void write(int value) throws IOException {
      out.write(value);
    }

    @Override
    public void write(byte[] bytes, int from, int count) throws IOException {
      out.write(bytes, from, count / 2);
      meet("write", path);
      out.write(bytes, from + count / 2, count - count / 2);
    }

    @Override
    public void hflush() throws IOException {
      out.hflush();
    }

    @Override
    public void hsync() throws IOException {
      meet("hsync", path);
      out.hsync();
    }

    @Override
    public void close() throws IOException {
      out.close();
      meet("close", path);
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
    meet("create", path);
    FSDataOutputStream out =
        super.create(path, permission, overwrite, bufferSize, replication, blockSize, progress);
    return new FSDataOutputStream(new Stream(out, path), null);
  }

  @Override
  public FSDataInputStream open(Path path, int bufferSize) throws IOException {
    meet("open", path);
    return super.open(path, bufferSize);
  }

  @Override
  public boolean rename(Path from, Path to) throws IOException {
    meet("rename", to);
    boolean done = super.rename(from, to);
    meet("renamed", to);
    return done;
  }

  @Override
  public boolean delete(Path path, boolean recursive) throws IOException {
    meet("delete", path);
    return super.delete(path, recursive);
  }
}
