package dev.recall.job.store;

import dev.recall.job.config.UserError;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Predicate;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.FileAlreadyExistsException;
import org.apache.hadoop.fs.FileContext;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.LocalFileSystem;
import org.apache.hadoop.fs.Options;
import org.apache.hadoop.fs.ParentNotDirectoryException;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.UnsupportedFileSystemException;

/**
 * Whole files on Hadoop file systems. A path without a scheme is on Hadoop's default file system,
 * as elsewhere in Spark.
 *
 * <p>Files appear whole or not at all: they are written under a name of their own that begins with
 * a dot, synchronised, and renamed into place.
 */
public final class Storage {

  private static final long MAX_FILE = 1L << 30;
  private static final long MAX_TEXT = 1L << 20;
  private static final String ASIDE = ".tmp";

  private final Configuration configuration;
  private final LocalFileSystem local; // not the instance that Spark shares

  /**
   * Opens the file systems that Hadoop's configuration on the class path names.
   *
   * @param overrides Hadoop settings on top, for example from {@code spark.hadoop.*}
   */
  public Storage(Map<String, String> overrides) {
    configuration = new Configuration();
    overrides.forEach(configuration::set);
    try {
      local = FileSystem.newInstanceLocal(configuration);
    } catch (IOException e) {
      throw new UncheckedIOException("the local file system", e);
    }
    // The checksum files that Hadoop puts beside local files would outlive a rename by others.
    local.setWriteChecksum(false);
    local.setVerifyChecksum(false);
  }

  /**
   * Qualifies a path.
   *
   * @param path with or without scheme
   * @return the path with scheme, absolute
   * @throws UserError when no file system serves the scheme or the path is not one
   */
  public String qualify(String path) {
    try {
      return fileSystem(path).makeQualified(new Path(path)).toString();
    } catch (IOException e) {
      throw unreadable(path, e);
    }
  }

  /**
   * Reads a file of the user's.
   *
   * @param path a file of at most 1 GiB
   * @return its bytes
   * @throws UserError naming path and cause when it cannot be read
   */
  public byte[] read(String path) {
    return read(path, MAX_FILE, "1 GiB");
  }

  private byte[] read(String path, long most, String mostInWords) {
    try {
      FileSystem fileSystem = fileSystem(path);
      FileStatus status = fileSystem.getFileStatus(new Path(path));
      if (status.isDirectory() || status.getLen() > most) {
        throw new UserError(
            path
                + ": expected a file of at most "
                + mostInWords
                + ", found "
                + (status.isDirectory() ? "a directory" : status.getLen() + " bytes"));
      }
      byte[] bytes = new byte[(int) status.getLen()];
      try (var in = fileSystem.open(new Path(path))) {
        in.readFully(0, bytes);
      }
      return bytes;
    } catch (IOException e) {
      throw unreadable(path, e);
    }
  }

  /**
   * Reads a text file of the user's.
   *
   * @param path UTF-8 text of at most 1 MiB
   * @return the text
   * @throws UserError naming path and cause when it cannot be read
   */
  public String readText(String path) {
    return new String(read(path), StandardCharsets.UTF_8);
  }

  private static UserError unreadable(String path, IOException e) {
    if (e instanceof FileNotFoundException) {
      return new UserError(path + ": expected a file, found nothing");
    }
    if (e instanceof UnsupportedFileSystemException) {
      return new UserError(path + ": " + e.getMessage());
    }
    return new UserError(path + ": cannot be read: " + e.getMessage());
  }

  /**
   * Writes a file aside and renames it into place, over an older one. A place that a user chose is
   * checked before, by {@link #checkTarget}.
   *
   * @param path the file
   * @param bytes its content
   * @throws IOException when it cannot be written; what was there is then still there
   * @throws UserError when a file is in the way
   */
  public void write(String path, byte[] bytes) throws IOException {
    FileSystem fileSystem = fileSystem(path);
    Path target = new Path(path);
    Path aside =
        new Path(target.getParent(), "." + target.getName() + "." + UUID.randomUUID() + ASIDE);
    try {
      try (FSDataOutputStream out = fileSystem.create(aside, true)) {
        out.write(bytes);
        out.hsync();
      }
      renameOver(fileSystem, aside, target);
    } catch (ParentNotDirectoryException | FileAlreadyExistsException e) {
      throw inTheWay(path, e);
    } finally {
      fileSystem.delete(aside, false);
    }
  }

  /** Replaces in one step, so that at no moment neither the old nor the new file is there. */
  private void renameOver(FileSystem fileSystem, Path aside, Path target) throws IOException {
    if (fileSystem != local) {
      FileContext.getFileContext(target.toUri(), configuration)
          .rename(aside, target, Options.Rename.OVERWRITE);
    } else if (isDirectory(local, target)) {
      // A local rename would move the file into it and call that success.
      throw new UserError(target + ": expected a file, found a directory");
    } else if (!local.rename(aside, target)) {
      throw new IOException("cannot rename " + aside + " to " + target);
    }
  }

  /**
   * Checks early that a file can be put in a place: no directory is there and no file is where a
   * directory above has to be.
   *
   * @param path the file to be
   * @throws UserError naming what is in the way
   */
  public void checkTarget(String path) {
    try {
      FileSystem fileSystem = fileSystem(path);
      Path target = fileSystem.makeQualified(new Path(path));
      if (isDirectory(fileSystem, target)) {
        throw new UserError(path + ": expected a file, found a directory");
      }
      for (Path above = target.getParent(); above != null; above = above.getParent()) {
        if (fileSystem.exists(above)) {
          if (!isDirectory(fileSystem, above)) {
            throw new UserError(path + ": expected directories above, found the file " + above);
          }
          return;
        }
      }
    } catch (ParentNotDirectoryException e) {
      throw inTheWay(path, e);
    } catch (IOException e) {
      throw unreadable(path, e);
    }
  }

  private static boolean isDirectory(FileSystem fileSystem, Path path) throws IOException {
    return fileSystem.exists(path) && fileSystem.getFileStatus(path).isDirectory();
  }

  /**
   * Tells whether there is a file or directory.
   *
   * @param path the path
   * @return true when there is
   * @throws UserError when the file system cannot be asked
   */
  public boolean exists(String path) {
    try {
      return fileSystem(path).exists(new Path(path));
    } catch (IOException e) {
      throw unreadable(path, e);
    }
  }

  /**
   * Tells whether a path is a directory.
   *
   * @param path the path
   * @return true when it is
   * @throws UserError when the file system cannot be asked
   */
  public boolean isDirectory(String path) {
    try {
      return isDirectory(fileSystem(path), new Path(path));
    } catch (IOException e) {
      throw unreadable(path, e);
    }
  }

  /**
   * Lists the files of a directory, those of unfinished writes left out.
   *
   * @param directory the directory
   * @return names, sorted; empty when there is no such directory
   * @throws UserError when it cannot be listed
   */
  public List<String> list(String directory) {
    return list(directory, name -> !name.startsWith("."));
  }

  private List<String> list(String directory, Predicate<String> wanted) {
    List<String> names = new ArrayList<>();
    try {
      for (FileStatus status : fileSystem(directory).listStatus(new Path(directory))) {
        if (wanted.test(status.getPath().getName())) {
          names.add(status.getPath().getName());
        }
      }
    } catch (FileNotFoundException e) {
      return names;
    } catch (IOException e) {
      throw unreadable(directory, e);
    }
    names.sort(null);
    return names;
  }

  /**
   * Deletes the files of unfinished writes in a directory that nobody else writes to.
   *
   * @param directory the directory
   * @throws IOException when one cannot be deleted
   */
  public void deleteUnfinished(String directory) throws IOException {
    for (String name : list(directory, file -> file.startsWith(".") && file.endsWith(ASIDE))) {
      delete(directory + "/" + name);
    }
  }

  /**
   * Makes a directory and its parents.
   *
   * @param directory the directory
   * @throws IOException when it cannot be made
   * @throws UserError when there is a file in the way
   */
  public void makeDirectory(String directory) throws IOException {
    try {
      if (!fileSystem(directory).mkdirs(new Path(directory))) {
        throw new IOException("cannot make directory " + directory);
      }
    } catch (ParentNotDirectoryException | FileAlreadyExistsException e) {
      throw inTheWay(directory, e);
    }
  }

  private static UserError inTheWay(String path, IOException e) {
    return new UserError(path + ": expected directories above, found a file; " + e.getMessage());
  }

  /**
   * Deletes a file.
   *
   * @param path the file
   * @throws IOException when it is there and cannot be deleted
   */
  public void delete(String path) throws IOException {
    fileSystem(path).delete(new Path(path), false);
  }

  private FileSystem fileSystem(String path) throws IOException {
    Path parsed;
    try {
      parsed = new Path(path);
    } catch (IllegalArgumentException e) {
      throw new UserError(path + ": expected a path, " + e.getMessage());
    }
    FileSystem shared = parsed.getFileSystem(configuration);
    return shared instanceof LocalFileSystem ? local : shared;
  }
}
