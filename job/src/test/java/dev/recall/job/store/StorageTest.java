package dev.recall.job.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.recall.job.config.UserError;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** File systems that do not answer are given up, and nobody hears of what they answer late. */
class StorageTest {

  private static final byte[] BYTES = {1, 2, 3};

  @TempDir private Path folder;

  @AfterEach
  void letThemAnswer() throws IOException {
    Files.createFile(folder.resolve("until"));
  }

  private Storage hangingIn(String operation) {
    return new Storage(
        Map.of(
            "fs.file.impl",
            HangingFileSystem.class.getName(),
            HangingFileSystem.OPERATION,
            operation,
            HangingFileSystem.UNTIL,
            folder.resolve("until").toString()),
        1);
  }

  private String file() {
    return folder.toUri() + "directory/file";
  }

  private void assertGivenUp(Class<? extends Exception> type, String doing, ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOf(type)
        .hasMessageStartingWith("file:/")
        .hasMessageEndingWith(": " + doing + ": no answer for 1 s");
    assertThat(Thread.interrupted()).isFalse();
  }

  @ParameterizedTest
  @CsvSource({
    "create, creating",
    "write, writing",
    "hsync, synchronising",
    "close, closing",
    "rename, renaming"
  })
  void aWriteThatGetsNoAnswerSaysInWhat(String operation, String doing) {
    Storage storage = hangingIn(operation);
    assertGivenUp(IOException.class, doing, () -> storage.write(file(), BYTES));
    assertThat(new Storage(Map.of()).exists(file())).isFalse();
  }

  @Test
  void otherCallsThatGetNoAnswerSayInWhat() throws IOException {
    new Storage(Map.of()).write(file(), BYTES);
    assertGivenUp(UserError.class, "asking", () -> hangingIn("status").exists(file()));
    assertGivenUp(UserError.class, "asking", () -> hangingIn("status").read(file()));
    assertGivenUp(
        UserError.class, "listing", () -> hangingIn("list").list(folder.toUri().toString()));
    assertGivenUp(
        IOException.class,
        "making the directory",
        () -> hangingIn("mkdirs").makeDirectory(folder.toUri() + "new"));
    assertGivenUp(IOException.class, "deleting", () -> hangingIn("delete").delete(file()));
  }

  @Test
  void aFileIsReadAndWrittenInManyCalls() throws IOException {
    byte[] bytes = new byte[(16 << 20) + 1];
    bytes[8 << 20] = 1;
    bytes[16 << 20] = 2;
    Storage storage = new Storage(Map.of());
    storage.write(file(), bytes);
    assertThat(storage.read(file())).isEqualTo(bytes);
  }

  @Test
  void aDirectoryInTheWayLeavesNothingUnfinished() throws IOException {
    Files.createDirectories(folder.resolve("directory/file"));
    assertThatThrownBy(() -> new Storage(Map.of()).write(file(), BYTES))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("expected a file, found a directory");
    assertThat(folder.resolve("directory")).isDirectoryNotContaining("glob:**.tmp");
  }
}
