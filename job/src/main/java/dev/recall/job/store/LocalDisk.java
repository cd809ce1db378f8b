package dev.recall.job.store;

import java.io.IOException;
import java.nio.file.Files;
import org.apache.hadoop.fs.LocalFileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RawLocalFileSystem;
import org.apache.hadoop.fs.permission.FsPermission;

/**
 * Hadoop's local file system, but for one thing: where Hadoop's native library is missing, that
 * starts a process, {@code chmod}, for each file and each directory it makes. This one asks the JDK
 * to set the permissions.
 */
public class LocalDisk extends LocalFileSystem {

  private static final String MODE = "unix:mode";
  private static final int SET_IDS = 06000; // setuid and setgid

  /** The local disk. */
  public LocalDisk() {
    super(new Raw());
  }

  private static final class Raw extends RawLocalFileSystem {

    @Override
    public void setPermission(Path path, FsPermission permission) throws IOException {
      java.nio.file.Path file = pathToFile(path).toPath();
      if (file.getFileSystem().supportedFileAttributeViews().contains("unix")) {
        Files.setAttribute(file, MODE, permission.toShort() | kept(file));
      } else {
        super.setPermission(path, permission);
      }
    }

    /** As of chmod: what is made in a directory that hands on its group goes on to do so. */
    private static int kept(java.nio.file.Path file) throws IOException {
      return Files.isDirectory(file) ? (int) Files.getAttribute(file, MODE) & SET_IDS : 0;
    }
  }
}
