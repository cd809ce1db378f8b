package dev.recall.job.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.net.URI;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Map;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.permission.FsPermission;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Permissions are those that Hadoop's own local file system gives. */
class LocalDiskTest {

  @TempDir private Path folder;

  @BeforeAll
  static void onlyWherePermissionsAreKept() {
    assumeTrue(FileSystems.getDefault().supportedFileAttributeViews().contains("posix"));
  }

  private static String permissions(Path path) throws IOException {
    return PosixFilePermissions.toString(Files.getPosixFilePermissions(path));
  }

  @ParameterizedTest
  @CsvSource({
    "022, rwxr-xr-x, rw-r--r--",
    "027, rwxr-x---, rw-r-----",
    "077, rwx------, rw-------"
  })
  void filesAndDirectoriesHaveWhatHadoopsUmaskLeaves(String umask, String directory, String file)
      throws IOException {
    Storage storage = new Storage(Map.of("fs.permissions.umask-mode", umask));
    storage.write(folder.toUri() + "made/here/file", new byte[] {1});
    assertThat(permissions(folder.resolve("made"))).isEqualTo(directory);
    assertThat(permissions(folder.resolve("made/here"))).isEqualTo(directory);
    assertThat(permissions(folder.resolve("made/here/file"))).isEqualTo(file);
  }

  @Test
  void directoriesInOneThatHandsOnItsGroupDoSoToo() throws IOException {
    Path shared = Files.createDirectory(folder.resolve("shared"));
    Files.setAttribute(shared, "unix:mode", 02775);
    new Storage(Map.of()).write(shared.toUri() + "made/file", new byte[] {1});
    assertThat(Files.getAttribute(shared.resolve("made"), "unix:mode")).isEqualTo(0_042_755);
    assertThat(Files.getAttribute(shared.resolve("made/file"), "unix:mode")).isEqualTo(0_100_644);
  }

  @Test
  void aStickyBitIsSetToo() throws IOException {
    try (LocalDisk disk = new LocalDisk()) {
      disk.initialize(URI.create("file:///"), new Configuration());
      org.apache.hadoop.fs.Path path = new org.apache.hadoop.fs.Path(folder.toUri());
      disk.setPermission(path, new FsPermission("1755"));
      assertThat(Files.getAttribute(folder, "unix:mode")).isEqualTo(0_041_755);
    }
  }
}
