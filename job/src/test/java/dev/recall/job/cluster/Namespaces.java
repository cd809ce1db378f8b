package dev.recall.job.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/** Networks and mounts that only the processes of a test see: nothing of the machine changes. */
final class Namespaces {

  private static final boolean ROOT = "root".equals(System.getProperty("user.name"));

  /**
   * Runs what follows in a network of its own. Whom loopback addresses belong to is looked up
   * behind rules of preference 1 to 9.
   */
  static final List<String> OWN_NETWORK =
      List.of(
          "unshare",
          ROOT ? "-n" : "-rn",
          "sh",
          "-ec",
          "ip link set lo up; ip rule add pref 10 lookup local; ip rule del pref 0; exec \"$@\"",
          "sh");

  private Namespaces() {}

  /** Tells whether this machine gives a process a network of its own; says why not. */
  static boolean canHaveNetwork() throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(OWN_NETWORK);
    command.add("true");
    Ended ended = run(command);
    if (ended.code != 0) {
      System.out.println("this machine gives a test no network of its own: " + ended.text);
    }
    return ended.code == 0;
  }

  /** Runs what follows in the network of a process. */
  static List<String> inNetworkOf(long pid) {
    List<String> command = new ArrayList<>(List.of("nsenter", "-t", Long.toString(pid), "-n"));
    if (!ROOT) {
      command.addAll(List.of("-U", "--preserve-credentials"));
    }
    return command;
  }

  /** Runs shell commands in the network of a process. */
  static void shell(ProcessHandle inNetworkOf, String script)
      throws IOException, InterruptedException {
    List<String> command = inNetworkOf(inNetworkOf.pid());
    command.addAll(List.of("sh", "-ec", script));
    Ended ended = run(command);
    if (ended.code != 0) {
      throw new IllegalStateException(script + ": exit code " + ended.code + ": " + ended.text);
    }
  }

  /** Runs what follows where a folder is a disk of so many bytes. */
  static List<String> smallDisk(Path folder, String size) {
    return List.of(
        "unshare",
        ROOT ? "-m" : "-rm",
        "sh",
        "-ec",
        "mount -t tmpfs -o size=" + size + " tmpfs '" + folder + "'; exec \"$@\"",
        "sh");
  }

  /** Skips a test on a machine that mounts no such disk. */
  static void assumeSmallDisk(Path folder) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(smallDisk(folder, "64k"));
    command.add("true");
    Ended ended = run(command);
    if (ended.code != 0) {
      String why = "skipped: this machine mounts no tmpfs for a test: " + ended.text;
      System.out.println(why);
      abort(why);
    }
  }

  /** Writes a file to the disk that a folder is for a process, until so many bytes are free. */
  static void fill(ProcessHandle process, Path folder, int room) throws IOException {
    Path file = Path.of("/proc/" + process.pid() + "/root" + folder, "fills-the-disk");
    try (OutputStream out = Files.newOutputStream(file)) {
      while (true) {
        out.write(new byte[1 << 12]);
      }
    } catch (IOException e) {
      assertThat(e).hasMessage("No space left on device");
    }
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      channel.truncate(channel.size() - room);
    }
  }

  private record Ended(int code, String text) {}

  private static Ended run(List<String> command) throws IOException, InterruptedException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Ended(process.waitFor(), text.strip());
  }
}
