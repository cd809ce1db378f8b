package dev.recall.job.store;

import dev.recall.job.config.UserError;
import java.io.EOFException;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.function.Predicate;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.ChecksumException;
import org.apache.hadoop.fs.CommonPathCapabilities;
import org.apache.hadoop.fs.FSDataInputStream;
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
import org.apache.hadoop.hdfs.DistributedFileSystem;

/**
 * Whole files on Hadoop file systems. A path without a scheme is on Hadoop's default file system,
 * as elsewhere in Spark.
 *
 * <p>Files appear whole or not at all. Where a file appears when it is closed, as in an object
 * store ({@link CommonPathCapabilities#ABORTABLE_STREAM}), it is written to its place, and a write
 * that fails is aborted. Elsewhere it is written under a name of its own that begins with a dot,
 * synchronised, and renamed into place.
 *
 * <p>A file system that does not answer is given up: each call has {@link #SECONDS} unless the
 * constructor was given another number.
 */
public final class Storage {

  /** How long a file system may take to answer one call. */
  public static final int SECONDS = 120;

  private static final long MAX_FILE = 1L << 30;
  private static final long MAX_TEXT = 1L << 20;
  private static final int MAX_CALL = 8 << 20; // bytes that are read or written in one call
  private static final int MAX_READS = 5; // of a file that is written over again and again
  private static final String ASIDE = ".tmp";

  /** What is on the class path, which takes long to read; never changed. */
  private static final Configuration HADOOP = new Configuration();

  static {
    HADOOP.size(); // reads it
  }

  private final Configuration configuration;
  private final LocalFileSystem local; // not the instance that Spark shares
  private final BoundedCalls calls;

  /**
   * Opens the file systems that Hadoop's configuration on the class path names.
   *
   * @param overrides Hadoop settings on top, for example from {@code spark.hadoop.*}
   */
  public Storage(Map<String, String> overrides) {
    this(overrides, SECONDS);
  }

  /**
   * Opens the file systems that Hadoop's configuration on the class path names.
   *
   * @param overrides Hadoop settings on top, for example from {@code spark.hadoop.*}
   * @param seconds how long a file system may take to answer one call
   */
  public Storage(Map<String, String> overrides, int seconds) {
    calls = new BoundedCalls(seconds);
    configuration = new Configuration(HADOOP);
    overrides.forEach(configuration::set);
    Configuration own = new Configuration(configuration);
    own.setIfUnset("fs.file.impl", LocalDisk.class.getName());
    try {
      local = FileSystem.newInstanceLocal(own);
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
   * @throws UserError when it is not there, too large or not whole
   * @throws Unreadable naming path and cause when the file system does not give it
   */
  public byte[] read(String path) {
    return read(path, MAX_FILE, "1 GiB");
  }

  private byte[] read(String path, long most, String mostInWords) {
    try {
      FileSystem fileSystem = fileSystem(path);
      FileStatus status = status(fileSystem, new Path(path));
      for (int tries = 1; ; tries++) {
        checkSize(path, status, most, mostInWords);
        try {
          return read(fileSystem, new Path(path), (int) status.getLen());
        } catch (BoundedCalls.NoAnswer e) {
          throw e;
        } catch (IOException e) {
          FileStatus now = status(fileSystem, new Path(path));
          if (tries == MAX_READS || isUnchanged(status, now)) {
            throw e;
          }
          status = now; // another was written over it meanwhile
        }
      }
    } catch (IOException e) {
      throw unreadable(path, e);
    }
  }

  private static void checkSize(String path, FileStatus status, long most, String mostInWords) {
    if (status.isDirectory() || status.getLen() > most) {
      throw new UserError(
          path
              + ": expected a file of at most "
              + mostInWords
              + ", found "
              + (status.isDirectory() ? "a directory" : status.getLen() + " bytes"));
    }
  }

  private static boolean isUnchanged(FileStatus before, FileStatus now) {
    return before.getLen() == now.getLen()
        && before.getModificationTime() == now.getModificationTime();
  }

  private byte[] read(FileSystem fileSystem, Path path, int length) throws IOException {
    byte[] bytes = new byte[length];
    FSDataInputStream in = calls.call(path, "opening", () -> fileSystem.open(path));
    try {
      for (int at = 0; at < length; at += MAX_CALL) {
        int from = at;
        int count = Math.min(MAX_CALL, length - from);
        calls.run(path, "reading", () -> in.readFully(from, bytes, from, count));
      }
      if (calls.call(path, "reading", () -> in.read(length, new byte[1], 0, 1)) >= 0) {
        throw new EOFException("expected " + length + " bytes, found more");
      }
    } catch (IOException | RuntimeException | Error e) {
      unlessItHangs(e, path, "closing", in::close);
      throw e;
    }
    calls.run(path, "closing", in::close);
    return bytes;
  }

  /** Cleans up after a failure. Whoever gave no answer is not asked again. */
  private void unlessItHangs(
      Throwable failure, Path path, String operation, BoundedCalls.Action action) {
    if (failure instanceof BoundedCalls.NoAnswer) {
      return;
    }
    try {
      calls.run(path, operation, action);
    } catch (IOException | RuntimeException e) {
      if (e != failure) { // a stream of HDFS fails again with what it failed with
        failure.addSuppressed(e);
      }
    }
  }

  private FileStatus status(FileSystem fileSystem, Path path) throws IOException {
    return calls.call(path, "asking", () -> fileSystem.getFileStatus(path));
  }

  private boolean exists(FileSystem fileSystem, Path path) throws IOException {
    return calls.call(path, "asking", () -> fileSystem.exists(path));
  }

  /**
   * Reads a text file of the user's.
   *
   * @param path UTF-8 text of at most 1 MiB
   * @return the text
   * @throws UserError when it is not there, too large or not whole
   * @throws Unreadable naming path and cause when the file system does not give it
   */
  public String readText(String path) {
    return new String(read(path, MAX_TEXT, "1 MiB"), StandardCharsets.UTF_8);
  }

  private static RuntimeException unreadable(String path, IOException e) {
    if (e instanceof FileNotFoundException) {
      return new UserError(path + ": expected a file, found nothing");
    }
    if (e instanceof BoundedCalls.NoAnswer) {
      return new Unreadable(e.getMessage(), e);
    }
    if (e instanceof UnsupportedFileSystemException) {
      return new UserError(path + ": " + e.getMessage());
    }
    // With a cause it is that of a connection: the server is gone, and the file may be whole.
    if (e instanceof ChecksumException || (e instanceof EOFException && e.getCause() == null)) {
      return new UserError(path + ": not whole: " + e.getMessage());
    }
    return new Unreadable(path + ": cannot be read: " + why(e), e);
  }

  /** One line: that of a server has its stack trace behind it. */
  private static String why(IOException e) {
    return String.valueOf(e.getMessage()).lines().findFirst().orElse("") + Login.explain(e);
  }

  /** A file system did not give what is there, which says nothing about it; exit code 1. */
  public static final class Unreadable extends UncheckedIOException {
    private static final long serialVersionUID = 1L;

    Unreadable(String message, IOException cause) {
      super(message, cause);
    }
  }

  /**
   * Writes a file whole, over an older one. A place that a user chose is checked before, by {@link
   * #checkTarget}.
   *
   * @param path the file
   * @param bytes its content
   * @throws IOException naming path and cause when it cannot be written; what was there is then
   *     still there
   * @throws UserError when a file is in the way
   */
  public void write(String path, byte[] bytes) throws IOException {
    try {
      FileSystem fileSystem = fileSystem(path);
      Path target = new Path(path);
      if (appearsWhenClosed(fileSystem, target)) {
        writeInPlace(fileSystem, target, bytes);
      } else {
        writeAside(fileSystem, target, bytes, aside -> renameOver(fileSystem, aside, target));
      }
    } catch (ParentNotDirectoryException | FileAlreadyExistsException e) {
      throw inTheWay(path, e);
    } catch (BoundedCalls.NoAnswer e) {
      throw e;
    } catch (IOException e) {
      throw new IOException(path + ": cannot be written: " + why(e), e);
    }
  }

  /**
   * Writes a file whole where none is. On disks and on HDFS one of several writers has its way and
   * the others are told so. An object store has no such operation in Hadoop 3.3: there it is asked
   * before whether the file is there, and read after whether it is this one, and of two that ask in
   * the same moment both may be told that it is theirs; {@link #createOnce} has no such gap.
   *
   * @param path the file
   * @param bytes its content
   * @return whether it is there now with these bytes; false when another was there before
   * @throws IOException naming path and cause when it cannot be written
   * @throws UserError when a file is in the way
   */
  public boolean createNew(String path, byte[] bytes) throws IOException {
    try {
      FileSystem fileSystem = fileSystem(path);
      Path target = new Path(path);
      if (exists(fileSystem, target)) {
        return false;
      }
      if (appearsWhenClosed(fileSystem, target)) {
        writeInPlace(fileSystem, target, bytes);
        return Arrays.equals(read(path), bytes);
      }
      writeAside(fileSystem, target, bytes, aside -> renameNew(fileSystem, aside, target));
      return true;
    } catch (FileAlreadyExistsException e) {
      return false;
    } catch (ParentNotDirectoryException e) {
      throw inTheWay(path, e);
    } catch (BoundedCalls.NoAnswer e) {
      throw e;
    } catch (IOException e) {
      throw new IOException(path + ": cannot be written: " + why(e), e);
    }
  }

  /**
   * Writes a file whole, once and for all: one of several writers has its way and the others are
   * told so, on object stores too, which have to list what was put before ({@link Ballots}). For
   * files that are never deleted.
   *
   * @param path the file
   * @param bytes its content
   * @return whether it is there now by this call; false when another came first
   * @throws IOException naming path and cause when it cannot be written; it may be there with these
   *     bytes later when that was for lack of an answer or for others who came in between
   * @throws UserError when a file is in the way
   */
  public boolean createOnce(String path, byte[] bytes) throws IOException {
    FileSystem fileSystem = fileSystem(path);
    if (fileSystem == local || fileSystem instanceof DistributedFileSystem) {
      return createNew(path, bytes);
    }
    if (exists(fileSystem, new Path(path))) {
      return false;
    }
    try {
      return new Ballots(new BallotFiles(path)).write(bytes);
    } catch (Unreadable e) {
      throw new IOException(path + ": cannot be written: " + e.getMessage(), e);
    }
  }

  /** The ballots on a file, in a directory beside it that readers pass over. */
  private final class BallotFiles implements Ballots.Store {
    private final String path;
    private final String directory;

    private BallotFiles(String path) {
      Path file = new Path(path);
      this.path = path;
      directory = file.getParent() + "/.ballots/" + file.getName();
    }

    @Override
    public void put(String name, byte[] bytes) throws IOException {
      write(directory + "/" + name, bytes);
    }

    @Override
    public List<String> list() {
      return Storage.this.list(directory);
    }

    @Override
    public byte[] read(String name) {
      return Storage.this.read(directory + "/" + name);
    }

    @Override
    public void place(byte[] bytes) throws IOException {
      write(path, bytes);
    }
  }

  private boolean appearsWhenClosed(FileSystem fileSystem, Path path) throws IOException {
    return calls.call(
        path,
        "asking",
        () -> fileSystem.hasPathCapability(path, CommonPathCapabilities.ABORTABLE_STREAM));
  }

  /** Nothing of it is to be seen before the stream is closed, so that is done to all or nothing. */
  private void writeInPlace(FileSystem fileSystem, Path target, byte[] bytes) throws IOException {
    FSDataOutputStream out = calls.call(target, "creating", () -> fileSystem.create(target, true));
    try {
      send(out, target, bytes);
    } catch (IOException | RuntimeException | Error e) {
      unlessItHangs(e, target, "aborting", out::abort);
      throw e;
    }
    calls.run(target, "closing", out::close);
  }

  /** The last step of writing a file under another name first. */
  private interface Placing {
    void place(Path aside) throws IOException;
  }

  private void writeAside(FileSystem fileSystem, Path target, byte[] bytes, Placing placing)
      throws IOException {
    Path aside = new Path(aside(target.toString()));
    try {
      FSDataOutputStream out = calls.call(target, "creating", () -> fileSystem.create(aside, true));
      try {
        send(out, target, bytes);
        calls.run(target, "synchronising", out::hsync);
      } catch (IOException | RuntimeException | Error e) {
        unlessItHangs(e, target, "closing", out::close);
        throw e;
      }
      calls.run(target, "closing", out::close);
      calls.run(target, "renaming", () -> placing.place(aside));
    } catch (IOException | RuntimeException | Error e) {
      unlessItHangs(e, target, "deleting", () -> fileSystem.delete(aside, false));
      throw e;
    }
  }

  private void send(FSDataOutputStream out, Path path, byte[] bytes) throws IOException {
    for (int at = 0; at < bytes.length; at += MAX_CALL) {
      int from = at;
      int count = Math.min(MAX_CALL, bytes.length - from);
      calls.run(path, "writing", () -> out.write(bytes, from, count));
    }
  }

  /** Replaces in one step, so that at no moment neither the old nor the new file is there. */
  private void renameOver(FileSystem fileSystem, Path aside, Path target) throws IOException {
    if (fileSystem != local) {
      FileContext.getFileContext(target.toUri(), configuration)
          .rename(aside, target, Options.Rename.OVERWRITE);
    } else if (local.exists(target) && local.getFileStatus(target).isDirectory()) {
      // A local rename would move the file into it and call that success.
      throw new UserError(target + ": expected a file, found a directory");
    } else if (!local.rename(aside, target)) {
      throw new IOException("cannot rename " + aside + " to " + target);
    }
  }

  /** Fails where there is a file. A local rename would go over it, a second name does not. */
  private void renameNew(FileSystem fileSystem, Path aside, Path target) throws IOException {
    if (fileSystem != local) {
      FileContext.getFileContext(target.toUri(), configuration).rename(aside, target);
      return;
    }
    try {
      Files.createLink(local.pathToFile(target).toPath(), local.pathToFile(aside).toPath());
    } catch (java.nio.file.FileAlreadyExistsException e) {
      throw new FileAlreadyExistsException(e.getMessage());
    }
    local.delete(aside, false);
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
        if (exists(fileSystem, above)) {
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

  private boolean isDirectory(FileSystem fileSystem, Path path) throws IOException {
    return exists(fileSystem, path) && status(fileSystem, path).isDirectory();
  }

  /**
   * Tells whether there is a file or directory.
   *
   * @param path the path
   * @return true when there is
   * @throws Unreadable when the file system cannot be asked
   */
  public boolean exists(String path) {
    try {
      return exists(fileSystem(path), new Path(path));
    } catch (IOException e) {
      throw unreadable(path, e);
    }
  }

  /**
   * Tells whether a path is a directory.
   *
   * @param path the path
   * @return true when it is
   * @throws Unreadable when the file system cannot be asked
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
   * @throws Unreadable when it cannot be listed
   */
  public List<String> list(String directory) {
    return list(directory, name -> !name.startsWith("."));
  }

  /**
   * Lists everything in a directory.
   *
   * @param directory the directory
   * @return names, sorted; empty when there is no such directory
   * @throws Unreadable when it cannot be listed
   */
  public List<String> listAll(String directory) {
    return list(directory, name -> true);
  }

  private List<String> list(String directory, Predicate<String> wanted) {
    List<String> names = new ArrayList<>();
    try {
      FileSystem fileSystem = fileSystem(directory);
      Path path = new Path(directory);
      for (FileStatus status : calls.call(path, "listing", () -> fileSystem.listStatus(path))) {
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
      FileSystem fileSystem = fileSystem(directory);
      Path path = new Path(directory);
      if (!calls.call(path, "making the directory", () -> fileSystem.mkdirs(path))) {
        throw new IOException("the file system gave no cause");
      }
    } catch (ParentNotDirectoryException | FileAlreadyExistsException e) {
      throw inTheWay(directory, e);
    } catch (BoundedCalls.NoAnswer e) {
      throw e;
    } catch (IOException e) {
      throw new IOException(directory + ": cannot be made: " + why(e), e);
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
    delete(path, false);
  }

  /**
   * Deletes a directory and everything in it.
   *
   * @param directory the directory
   * @throws IOException when it is there and cannot be deleted
   */
  public void deleteTree(String directory) throws IOException {
    delete(directory, true);
  }

  /**
   * Names a place beside another, for what is to replace it; readers pass over such names.
   *
   * @param path the other place
   * @return a path in the same directory where nothing is
   */
  public String aside(String path) {
    Path place = new Path(path);
    return new Path(place.getParent(), "." + place.getName() + "." + UUID.randomUUID() + ASIDE)
        .toString();
  }

  /**
   * Puts a directory in the place of another. The old one is deleted last; when the new one cannot
   * be moved the old one is moved back, and the new one stays where it was.
   *
   * @param directory a whole one
   * @param target the place, with or without a directory
   * @throws IOException saying where both are when something cannot be moved or deleted
   */
  public void replaceTree(String directory, String target) throws IOException {
    String old = aside(target + ".old");
    boolean replaces = exists(target);
    try {
      if (replaces) {
        rename(target, old);
      }
      rename(directory, target);
    } catch (IOException | RuntimeException e) {
      String where = replaces ? "; what was there is at " + putBack(old, target, e) : "";
      throw new IOException(
          "%s: cannot be replaced: %s; what is new is whole at %s%s"
              .formatted(target, e.getMessage(), directory, where),
          e);
    }
    if (replaces) {
      deleteTree(old);
    }
  }

  /** Returns where the old one is now. */
  private String putBack(String old, String target, Exception failure) {
    try {
      if (exists(old) && !exists(target)) {
        rename(old, target);
      }
      return exists(old) ? old : target;
    } catch (IOException | RuntimeException e) {
      failure.addSuppressed(e);
      return old;
    }
  }

  private void rename(String directory, String target) throws IOException {
    FileSystem fileSystem = fileSystem(directory);
    Path from = new Path(directory);
    Path to = new Path(target);
    if (!calls.call(from, "renaming", () -> fileSystem.rename(from, to))) {
      throw new IOException(directory + ": cannot be renamed to " + target);
    }
  }

  private void delete(String path, boolean tree) throws IOException {
    FileSystem fileSystem = fileSystem(path);
    Path file = new Path(path);
    boolean deleted;
    try {
      deleted = calls.call(file, "deleting", () -> fileSystem.delete(file, tree));
    } catch (BoundedCalls.NoAnswer e) {
      throw e;
    } catch (IOException e) {
      throw new IOException(path + ": cannot be deleted: " + why(e), e);
    }
    if (!deleted && exists(fileSystem, file)) {
      throw new IOException(path + ": cannot be deleted; the file system gave no cause");
    }
  }

  private FileSystem fileSystem(String path) throws IOException {
    Path parsed;
    try {
      parsed = new Path(path);
    } catch (IllegalArgumentException e) {
      throw new UserError(path + ": expected a path, " + e.getMessage());
    }
    FileSystem shared =
        calls.call(parsed, "opening its file system", () -> parsed.getFileSystem(configuration));
    if (shared instanceof DistributedFileSystem) {
      Login.check();
    }
    return shared instanceof LocalFileSystem ? local : shared;
  }
}
