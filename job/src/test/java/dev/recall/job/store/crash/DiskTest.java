package dev.recall.job.store.crash;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;

import com.fasterxml.jackson.databind.JsonNode;
import dev.recall.job.Commands;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A disk that fills up, and a directory that nobody may write to any more. */
class DiskTest {

  private static final boolean ROOT = "root".equals(System.getProperty("user.name"));

  @TempDir private Path folder;

  private final RunFigures runs = new RunFigures(Map.of());
  private ChildJvms jvms;

  @BeforeEach
  void start() throws IOException {
    jvms = new ChildJvms(Place.local(folder), folder);
  }

  @AfterEach
  void stop() {
    jvms.close();
  }

  /** A run that writes more and more. */
  private static List<String> train(Path run, int rounds) {
    List<String> settings = new ArrayList<>(KillEverywhere.SETTINGS);
    settings.addAll(
        List.of("stop.rounds=" + rounds, "checkpoint.every-rounds=1", "checkpoint.keep=100000"));
    return Commands.with(settings, "train", "--without-spark", "--run", run.toString());
  }

  private static List<String> resume(Path run) {
    return List.of("train", "--without-spark", "--resume", run.toString());
  }

  private Map<String, JsonNode> undisturbed(int rounds) throws IOException {
    Path whole = folder.resolve("whole");
    assertThat(Commands.recall(train(whole, rounds)).exitCode()).isZero();
    return runs.result(whole.toString());
  }

  private void assertEvaluates(Path run) {
    Commands.Result result = Commands.recall("evaluate", run.toString());
    assertThat(result.exitCode()).as(result.err()).isZero();
  }

  @Test
  void aRunOnAFullDiskGoesOnWhenThereIsRoom() throws Exception {
    Path disk = Files.createDirectory(folder.resolve("disk"));
    List<String> script =
        List.of(
            "mount -t tmpfs -o size=256k tmpfs " + disk,
            quoted(jvms.command(Map.of(), train(disk.resolve("run"), 60))) + " || echo exit $?",
            "cp -r " + disk + "/run " + folder + "/full",
            "mount -o remount,size=64m " + disk,
            "echo more room",
            quoted(jvms.command(Map.of(), resume(disk.resolve("run")))),
            "cp -r " + disk + "/run " + folder + "/ended");
    skipUnless(inNamespace(List.of(script.get(0))), "this machine mounts no tmpfs for a test");

    ChildJvms.Ended ended = inNamespace(script);
    assertThat(ended.exitCode()).as(ended.log()).isZero();
    assertThat(ended.log().substring(0, ended.log().indexOf("more room")))
        .contains("exit 1")
        .containsPattern("failed: file:" + disk + "/run/.*No space left on device")
        .contains("the last checkpoint is whole: file:" + disk + "/run/checkpoints/round-");
    assertEvaluates(folder.resolve("full"));
    assertThat(runs.unfinished(folder.resolve("full").toString())).isEmpty();
    assertThat(runs.result(folder.resolve("ended").toString())).isEqualTo(undisturbed(60));
    System.out.println(
        "full disk: exit 1 after round "
            + runs.newestRound(folder.resolve("full").toString())
            + ", same result with more room");
  }

  /** Room is made half-way, by the process itself: nobody else is in its namespace. */
  @Test
  void aRunThatGoesOnOnAFullDiskWritesEverythingOnceThereIsRoom() throws Exception {
    Path disk = Files.createDirectory(folder.resolve("disk"));
    List<String> train = new ArrayList<>(train(disk.resolve("run"), 60));
    train.addAll(List.of("--set", "checkpoint.on-failure=go-on"));
    Map<String, String> makesRoom = strikes(700, "mount -o remount,size=64m " + disk);
    List<String> script =
        List.of(
            "mount -t tmpfs -o size=256k tmpfs " + disk,
            quoted(jvms.command(makesRoom, train)),
            "cp -r " + disk + "/run " + folder + "/ended");
    skipUnless(inNamespace(List.of(script.get(0))), "this machine mounts no tmpfs for a test");

    ChildJvms.Ended ended = inNamespace(script);
    assertThat(ended.exitCode()).as(ended.log()).isZero();
    Path run = folder.resolve("ended");
    long failed =
        ended.log().lines().filter(line -> line.contains("failed, training goes on")).count();
    assertThat(failed).isPositive();
    assertThat(ended.log()).contains("No space left on device");
    assertThat(runs.result(run.toString())).isEqualTo(undisturbed(60));
    assertThat(runs.metricsRounds(run.toString()))
        .isEqualTo(IntStream.rangeClosed(1, 60).boxed().toList());
    assertThat(runs.unfinished(run.toString())).isEmpty();
    Commands.Result verified = Commands.recall("verify", run.toString(), "--rounds", "5");
    assertThat(verified.exitCode()).as(verified.out() + verified.err()).isZero();
    System.out.println("full disk, go-on: " + failed + " saves failed, same result");
  }

  private ChildJvms.Ended inNamespace(List<String> script)
      throws IOException, InterruptedException {
    return jvms.run(
        List.of("unshare", ROOT ? "-m" : "-rm", "sh", "-ec", String.join("\n", script)));
  }

  private static String quoted(List<String> command) {
    return command.stream()
        .map(word -> "'" + word.replace("'", "'\\''") + "'")
        .collect(Collectors.joining(" "));
  }

  private static void skipUnless(ChildJvms.Ended ended, String reason) {
    if (ended.exitCode() != 0) {
      String why = "skipped: " + reason + ": " + ended.log().strip();
      System.out.println(why);
      abort(why);
    }
  }

  @Test
  void aRunThatLosesItsPermissionGoesOnWhenItHasItAgain() throws Exception {
    skipUnless(jvms.run(asOthers(List.of("true"))), "this process cannot give up root's rights");
    Path run = folder.resolve("run");
    int rounds = 20;
    ChildJvms.Ended ended = asOthers(losesPermission(run), train(run, rounds));
    assertRefused(ended, run, "Permission denied");
    assertThat(ended.log())
        .contains("the last checkpoint is whole: file:" + run + "/checkpoints/round-");
    assertEvaluates(run);
    // Hadoop's local file system does not say why it deletes nothing.
    assertRefused(asOthers(Map.of(), resume(run)), run, "(Permission denied|cannot be deleted)");
    assertEvaluates(run);
    int round = runs.newestRound(run.toString());

    permit(run);
    assertThat(Commands.recall(resume(run)).exitCode()).isZero();
    assertThat(runs.result(run.toString())).isEqualTo(undisturbed(rounds));
    assertThat(runs.unfinished(run.toString())).isEmpty();
    System.out.println("no permission: exit 1 after round " + round + ", same result with it");
  }

  private static void assertRefused(ChildJvms.Ended ended, Path run, String cause) {
    assertThat(ended.exitCode()).as(ended.log()).isEqualTo(1);
    assertThat(ended.log()).containsPattern("failed: file:" + run + "/.*" + cause);
  }

  private ChildJvms.Ended asOthers(Map<String, String> hadoop, List<String> args)
      throws IOException, InterruptedException {
    return jvms.run(asOthers(jvms.command(hadoop, args)));
  }

  /** In a process that permissions hold for: root goes without the right to pass them by. */
  private static List<String> asOthers(List<String> command) {
    List<String> all = new ArrayList<>();
    if (ROOT) {
      all.addAll(List.of("setpriv", "--bounding-set=-dac_override,-dac_read_search"));
    }
    all.addAll(command);
    return all;
  }

  /** Half-way a command takes away the permission. */
  private static Map<String, String> losesPermission(Path run) {
    return strikes(100, "chmod a-w " + run + " " + run + "/checkpoints " + run + "/metrics");
  }

  /** Before an operation on files a command is run. */
  private static Map<String, String> strikes(int operation, String command) {
    return Map.of(
        "fs.file.impl",
        KillingLocalFileSystem.class.getName(),
        KillSwitch.LOG,
        "none",
        KillSwitch.OPERATION,
        String.valueOf(operation),
        KillSwitch.PHASE,
        KillSwitch.Phase.BEFORE.name(),
        KillSwitch.COMMAND,
        command);
  }

  private static void permit(Path run) throws IOException {
    for (Path directory : List.of(run, run.resolve("checkpoints"), run.resolve("metrics"))) {
      Files.setPosixFilePermissions(directory, PosixFilePermissions.fromString("rwxr-xr-x"));
    }
  }
}
