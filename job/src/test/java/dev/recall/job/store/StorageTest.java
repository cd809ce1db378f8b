package dev.recall.job.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.awaitility.Awaitility.await;

import dev.recall.job.AtOnce;
import dev.recall.job.FailingFileSystem;
import dev.recall.job.config.UserError;
import java.io.IOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.assertj.core.api.InstanceOfAssertFactories;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** File systems that do not answer are given up, and nobody hears of what they answer late. */
class StorageTest {

  private static final byte[] BYTES = {1, 2, 3};

  @TempDir private Path folder;

  @AfterEach
  void letThemAnswer() throws IOException {
    Files.createFile(folder.resolve("until"));
    await("late answers write no more")
        .until(
            () ->
                Thread.getAllStackTraces().values().stream()
                    .flatMap(Stream::of)
                    .noneMatch(
                        frame ->
                            frame.getClassName().startsWith(HangingFileSystem.class.getName())));
  }

  private Storage hangingIn(String operation) {
    return new Storage(
        Map.of(
            "fs.file.impl",
            HangingFileSystem.class.getName(),
            "fs.file.impl.disable.cache", // others in this JVM want one that answers
            "true",
            HangingFileSystem.OPERATION,
            operation,
            HangingFileSystem.UNTIL,
            folder.resolve("until").toString()),
        1);
  }

  private String file(String name) {
    return folder.toUri() + "directory/" + name;
  }

  /** A call that gets no answer. */
  private record Hang(
      String operation, String doing, Class<? extends Exception> type, Calls calls) {

    interface Calls {
      void on(Storage storage) throws IOException;
    }

    Throwable failure(Storage storage) {
      Throwable failure = catchThrowable(() -> calls.on(storage));
      assertThat(Thread.interrupted()).isFalse();
      return failure;
    }
  }

  private Hang write(String operation, String doing) {
    return new Hang(
        operation, doing, IOException.class, storage -> storage.write(file(operation), BYTES));
  }

  private List<Hang> hangs() {
    String here = folder.toUri() + "here";
    return List.of(
        write("create", "creating"),
        write("write", "writing"),
        write("hsync", "synchronising"),
        write("close", "closing"),
        write("rename", "renaming"),
        new Hang("status", "asking", Storage.Unreadable.class, storage -> storage.exists(here)),
        new Hang("status", "asking", Storage.Unreadable.class, storage -> storage.read(here)),
        new Hang("list", "listing", Storage.Unreadable.class, storage -> storage.list(here)),
        new Hang("delete", "deleting", IOException.class, storage -> storage.delete(here)),
        new Hang(
            "mkdirs",
            "making the directory",
            IOException.class,
            storage -> storage.makeDirectory(here)));
  }

  @Test
  void aCallThatGetsNoAnswerSaysWhatItWaitedFor() {
    ExecutorService callers = Executors.newCachedThreadPool();
    try {
      Map<Hang, Future<Throwable>> failures = new LinkedHashMap<>();
      for (Hang hang : hangs()) {
        Storage storage = hangingIn(hang.operation());
        failures.put(hang, callers.submit(() -> hang.failure(storage)));
      }
      failures.forEach(
          (hang, failure) ->
              assertThat(failure)
                  .succeedsWithin(Duration.ofSeconds(30))
                  .asInstanceOf(InstanceOfAssertFactories.THROWABLE)
                  .isInstanceOf(hang.type())
                  .hasMessageStartingWith("file:/")
                  .hasMessageEndingWith(": " + hang.doing() + ": no answer for 1 s"));
    } finally {
      callers.shutdownNow();
    }
    for (String operation : List.of("create", "write", "hsync", "close", "rename")) {
      assertThat(new Storage(Map.of()).exists(file(operation))).as(operation).isFalse();
    }
  }

  @Test
  void aFileIsReadAndWrittenInManyCalls() throws IOException {
    byte[] bytes = new byte[(16 << 20) + 1];
    bytes[8 << 20] = 1;
    bytes[16 << 20] = 2;
    Storage storage = new Storage(Map.of());
    storage.write(file("file"), bytes);
    assertThat(storage.read(file("file"))).isEqualTo(bytes);
  }

  /** As the renewals of a lease are. */
  @Test
  void aFileThatIsReplacedWhileItIsReadIsOneOrTheOther() throws Exception {
    byte[] shorter = new byte[100];
    byte[] longer = new byte[200];
    Arrays.fill(longer, (byte) 1);
    Storage storage = new Storage(Map.of());
    storage.write(file("file"), longer);
    AtomicBoolean ended = new AtomicBoolean();
    Callable<Integer> writes =
        () -> {
          try {
            for (int i = 0; i < 100; i++) {
              storage.write(file("file"), shorter);
              storage.write(file("file"), longer);
            }
            return 200;
          } finally {
            ended.set(true);
          }
        };
    Callable<Integer> reads =
        () -> {
          int whole = 0;
          for (; !ended.get(); whole++) {
            assertThat(storage.read(file("file"))).isIn(shorter, longer);
          }
          return whole;
        };
    assertThat(AtOnce.all(List.of(writes, reads)).get(1)).isPositive();
  }

  @Test
  void aDirectoryInTheWayLeavesNothingUnfinished() throws IOException {
    Files.createDirectories(folder.resolve("directory/file"));
    assertThatThrownBy(() -> new Storage(Map.of()).write(file("file"), BYTES))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("expected a file, found a directory");
    assertThat(folder.resolve("directory")).isDirectoryNotContaining("glob:**.tmp");
  }

  @Test
  void aDirectoryThatCannotBeReplacedIsLostAsLittleAsTheNewOne() throws IOException {
    Path out = Files.createDirectory(folder.resolve("out"));
    Files.write(out.resolve("old"), BYTES);
    Path whole = Files.createDirectory(folder.resolve("new"));
    Files.write(whole.resolve("new"), BYTES);
    Storage fails = new Storage(FailingFileSystem.failing("rename .*/out"));
    assertThatThrownBy(() -> fails.replaceTree(whole.toString(), out.toString()))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("what is new is whole at " + whole + "; what was there is at ")
        .hasMessageContaining(".out.old.");
    assertThat(whole.resolve("new")).hasBinaryContent(BYTES);
    try (Stream<Path> files = Files.walk(folder)) {
      assertThat(files.map(file -> file.getFileName().toString())).contains("old");
    }
  }

  @Test
  void whatWasThereIsPutBackWhenTheNewCannotBeMoved() throws IOException {
    Path out = Files.createDirectory(folder.resolve("out"));
    Files.write(out.resolve("old"), BYTES);
    String none = folder.resolve("none").toString();
    assertThatThrownBy(() -> new Storage(Map.of()).replaceTree(none, out.toString()))
        .isInstanceOf(IOException.class)
        .hasMessageEndingWith("what was there is at " + out);
    assertThat(out.resolve("old")).hasBinaryContent(BYTES);
  }

  @Test
  void aServerThatHangsUpSaysNothingOfTheFile() throws IOException {
    try (ServerSocket server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
      Thread hangsUp = new Thread(() -> hangUp(server));
      hangsUp.start();
      String path = "hdfs://127.0.0.1:" + server.getLocalPort() + "/file";
      assertThatThrownBy(() -> new Storage(Map.of()).read(path))
          .isInstanceOf(Storage.Unreadable.class)
          .hasMessageStartingWith(path + ": cannot be read: End of File Exception between");
    }
  }

  /** Answers the end to whatever is asked. */
  private static void hangUp(ServerSocket server) {
    while (!server.isClosed()) {
      try (Socket client = server.accept()) {
        client.shutdownOutput();
        client.getInputStream().transferTo(OutputStream.nullOutputStream());
      } catch (IOException e) {
        // the client is gone, or the test is over
      }
    }
  }
}
