package dev.recall.job.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.recall.job.Commands;
import dev.recall.job.store.Storage;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;

/** A run that something happens to, compared with one that nothing happens to. */
final class DisturbedRun {

  /** Something that happens to a run. */
  interface Fault {

    /** Does it; returns what came of it, in a few words. */
    String strike(DisturbedRun run) throws Exception;
  }

  /** The run that nothing happens to; 0 seconds when it is one of another place. */
  record Undisturbed(List<String> settings, RunResult result, double seconds) {}

  private static final Duration PATIENCE = Duration.ofMinutes(5);
  private static final double NANOS = 1e9;

  /** Asks a NameNode that is away again. */
  private static final Map<String, String> PATIENT =
      Map.of("dfs.client.retry.policy.enabled", "true", "dfs.client.retry.policy.spec", "500,200");

  private final DaemonCluster cluster;
  private final Undisturbed undisturbed;
  private final String directory;
  private final Storage storage = new Storage(PATIENT);
  private final long start = System.nanoTime();
  private final SortedMap<Integer, String> struck = new TreeMap<>();
  private Submission submission;

  private DisturbedRun(DaemonCluster cluster, Undisturbed undisturbed, String directory) {
    this.cluster = cluster;
    this.undisturbed = undisturbed;
    this.directory = directory;
  }

  /**
   * Trains without disturbance, with what all runs have in common.
   *
   * @param sparkOptions before the verb
   * @param settings of Recall, {@code key=value}; checkpoints tell how far a run is
   */
  static Undisturbed undisturbed(
      DaemonCluster cluster, List<String> sparkOptions, List<String> settings) throws Exception {
    DisturbedRun run =
        begin(cluster, new Undisturbed(settings, null, 0), "undisturbed", sparkOptions);
    assertThat(run.submission.end()).as(run.submission.log()).isZero();
    Undisturbed undisturbed = new Undisturbed(settings, RunResult.of(run.directory), run.seconds());
    System.out.printf(
        Locale.ROOT,
        "undisturbed: %.1f s, longest round %.2f s%n",
        undisturbed.seconds,
        run.longestRound(0, Integer.MAX_VALUE));
    return undisturbed;
  }

  /** The same without a cluster. */
  static Undisturbed withoutSpark(Path folder, List<String> settings) throws Exception {
    String run = folder.resolve("without-spark").toString();
    List<String> args = Commands.with(settings, "train", "--run", run, "--without-spark");
    Submission local = DaemonCluster.local(List.of(), args, folder);
    assertThat(local.end()).as(local.log()).isZero();
    return new Undisturbed(settings, RunResult.of(run), 0);
  }

  /**
   * Begins a run.
   *
   * @param undisturbed what it is to end in
   * @param name of its directory
   * @param sparkOptions before the verb
   * @param recallOptions behind {@code train --run DIRECTORY}
   */
  static DisturbedRun begin(
      DaemonCluster cluster,
      Undisturbed undisturbed,
      String name,
      List<String> sparkOptions,
      String... recallOptions)
      throws IOException {
    DisturbedRun run = new DisturbedRun(cluster, undisturbed, cluster.runs() + "/" + name);
    List<String> args = Commands.with(undisturbed.settings, "train", "--run", run.directory);
    args.addAll(List.of(recallOptions));
    run.submit(sparkOptions, args);
    return run;
  }

  /** Submits what ends the run from now on. */
  void submit(List<String> sparkOptions, List<String> recallArgs) throws IOException {
    submission = cluster.submit(sparkOptions, recallArgs);
  }

  /** What was submitted last. */
  Submission submission() {
    return submission;
  }

  String directory() {
    return directory;
  }

  /** The newest checkpoint's round; -1 without one. */
  int newestRound() {
    List<String> names = storage.list(directory + "/checkpoints");
    return names.isEmpty()
        ? -1
        : Integer.parseInt(names.get(names.size() - 1).replaceAll("\\D", ""));
  }

  /** Waits for a checkpoint of this round or a later one. */
  void awaitRound(int round) {
    await("round " + round).atMost(PATIENCE).until(() -> newestRound() >= round || failed());
    assertThat(newestRound()).as(submission.log()).isGreaterThanOrEqualTo(round);
  }

  private boolean failed() {
    return !submission.process().isAlive() && submission.process().exitValue() != 0;
  }

  /**
   * Waits for a round and lets something happen in the middle of what follows.
   *
   * @param what happens
   */
  void at(int round, String what, Fault fault) throws Exception {
    awaitRound(round);
    int newest = newestRound();
    assertThat(RunResult.isThere(directory)).as("ends before round %d is seen", round).isFalse();
    String outcome = fault.strike(this);
    struck.put(newest, String.format("%s after round %d: %s", what, newest, outcome));
  }

  /** Waits for the end, which is that of the undisturbed run, and prints a line for each fault. */
  void ends() throws Exception {
    assertThat(submission.end()).as(submission.log()).isZero();
    // In standalone's cluster mode what was submitted ends before the driver.
    await("the run ends").atMost(PATIENCE).until(() -> RunResult.isThere(directory));
    double seconds = seconds();
    assertThat(RunResult.of(directory)).isEqualTo(undisturbed.result);
    List<Integer> rounds = new ArrayList<>(struck.keySet());
    for (int i = 0; i < rounds.size(); i++) {
      int until = i + 1 < rounds.size() ? rounds.get(i + 1) : Integer.MAX_VALUE;
      System.out.printf(
          Locale.ROOT,
          "fault: %s; longest round %.2f s%n",
          struck.get(rounds.get(i)),
          longestRound(rounds.get(i), until));
    }
    System.out.printf(
        Locale.ROOT,
        "  same parameters and chain as undisturbed; %.1f s%s%n",
        seconds,
        undisturbed.seconds > 0
            ? String.format(Locale.ROOT, ", %+.1f s", seconds - undisturbed.seconds)
            : "");
  }

  private double seconds() {
    return (System.nanoTime() - start) / NANOS;
  }

  /** Seconds between the ends of two rounds of one process, by the run's metrics. */
  private double longestRound(int after, int until) throws IOException {
    double longest = 0;
    double last = Double.NaN;
    for (String name : storage.list(directory + "/metrics")) {
      for (String line : storage.readText(directory + "/metrics/" + name).lines().toList()) {
        int round = new ObjectMapper().readTree(line).get("round").intValue();
        double now = new ObjectMapper().readTree(line).get("seconds").doubleValue();
        if (round > after && round <= until && now > last) {
          longest = Math.max(longest, now - last);
        }
        last = now;
      }
    }
    return longest;
  }
}
