package dev.recall.job.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.recall.job.Commands;
import dev.recall.job.cluster.pace.Pace;
import dev.recall.job.config.Configs;
import dev.recall.job.store.Storage;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;

/** A run that something happens to, compared with one that nothing happens to. */
final class DisturbedRun {

  /** Something that happens to a run. */
  interface Fault {

    /** Does it; returns what came of it, in a few words. */
    String strike(DisturbedRun run) throws Exception;
  }

  /** Rounds of a run that is told later when it ends. */
  static final int ENDLESS = 1_000_000;

  /** Rounds between checkpoints. */
  static final int EVERY = 5;

  /** Longer than spark.network.timeout. */
  static final int FROZEN_SECONDS = 15;

  /** Options with which {@link #strikeFrozenWithSpeculation} is outlived without a loss. */
  static final List<String> SPECULATION =
      Submission.conf(
          "spark.speculation=true", "spark.speculation.quantile=0.5", "spark.network.timeout=120s");

  /** Options with which executors are asked for when tasks wait a second, as without executors. */
  static final List<String> DYNAMIC =
      Submission.conf(
          "spark.dynamicAllocation.enabled=true",
          "spark.dynamicAllocation.shuffleTracking.enabled=true",
          "spark.dynamicAllocation.maxExecutors=4",
          "spark.dynamicAllocation.executorIdleTimeout=1s",
          "spark.executor.cores=1");

  /** An option of Recall's beside {@link #DYNAMIC}. */
  static final String FOUR_TASKS = "--set=spark.tasks=4";

  private static final Duration PATIENCE = Duration.ofMinutes(5);
  private static final double NANOS = 1e9;

  /** Asks a NameNode that is away again. */
  private static final Map<String, String> PATIENT =
      Map.of("dfs.client.retry.policy.enabled", "true", "dfs.client.retry.policy.spec", "500,200");

  private final DaemonCluster cluster;
  private final List<String> settings;
  private final String directory;
  private final Pace pace;
  private final Storage storage = new Storage(PATIENT);
  private final long start = System.nanoTime();
  private final SortedMap<Integer, String> struck = new TreeMap<>();
  private Submission submission;

  private DisturbedRun(DaemonCluster cluster, List<String> settings, String name)
      throws IOException {
    this.cluster = cluster;
    this.settings = settings;
    directory = cluster.runs() + "/" + name;
    pace = cluster.pace(name);
  }

  /** Settings of runs that may end in any round; checkpoints tell how far they are. */
  static List<String> settings(String... more) {
    List<String> settings =
        Configs.smallWith(
            "training.local-steps=2",
            "training.optimizer.decay-rounds=1000",
            "training.local-optimizer.decay-rounds=1000",
            "checkpoint.every-rounds=" + EVERY,
            "validation.every-rounds=0",
            "report.every-rounds=100");
    settings.addAll(List.of(more));
    return settings;
  }

  /**
   * Begins a run, slowly.
   *
   * @param settings of Recall, {@code key=value}
   * @param name of its directory
   * @param sparkOptions before the verb
   * @param recallOptions behind {@code train --run DIRECTORY}
   */
  static DisturbedRun begin(
      DaemonCluster cluster,
      List<String> settings,
      String name,
      List<String> sparkOptions,
      String... recallOptions)
      throws IOException {
    DisturbedRun run = new DisturbedRun(cluster, settings, name);
    List<String> args = Commands.with(settings, "train", "--run", run.directory);
    args.addAll(List.of(recallOptions));
    run.submit(sparkOptions, args);
    return run;
  }

  /** Begins a run with dynamic allocation and a long validation. */
  static DisturbedRun beginDynamic(DaemonCluster cluster, List<String> sparkOptions)
      throws IOException {
    List<String> options = new ArrayList<>(sparkOptions);
    options.addAll(DYNAMIC);
    List<String> settings =
        settings("stop.rounds=150", "validation.every-rounds=100", "validation.batches=12000");
    return begin(cluster, settings, "dynamic", options, FOUR_TASKS);
  }

  /** Submits what ends the run from now on. */
  void submit(List<String> sparkOptions, List<String> recallArgs) throws IOException {
    List<String> options = new ArrayList<>(pace.options());
    options.addAll(sparkOptions);
    submission = cluster.submit(options, recallArgs);
  }

  /** Goes on with the run, to another last round if assignments say so. */
  void resume(List<String> sparkOptions, String... assignments) throws IOException {
    submit(sparkOptions, Commands.with(List.of(assignments), "train", "--resume", directory));
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

  /** Lets something happen in the middle of the run, which goes on. */
  void strike(String what, Fault fault) throws Exception {
    awaitRound(newestRound() + EVERY);
    int newest = newestRound();
    assertThat(RunResult.isThere(directory)).as("has ended at round %d", newest).isFalse();
    long begun = System.nanoTime();
    String outcome = fault.strike(this);
    awaitRound(newestRound() + EVERY);
    double took = (System.nanoTime() - begun) / NANOS;
    struck.put(
        newest,
        String.format(Locale.ROOT, "%s after round %d: %s; %.1f s", what, newest, outcome, took));
  }

  /** Freezes an executor that works, with {@link #SPECULATION}. */
  void strikeFrozenWithSpeculation() throws Exception {
    strike(
        "SIGSTOP of an executor, spark.speculation",
        r -> {
          await("two at work").atMost(PATIENCE).until(() -> cluster.executorsAtWork().size() > 1);
          ProcessHandle frozen = cluster.executorsAtWork().get(0);
          DaemonCluster.signal("STOP", frozen);
          r.awaitRound(r.newestRound() + 4 * EVERY);
          DaemonCluster.signal("CONT", frozen);
          assertThat(r.submission().log()).doesNotContain("Lost executor");
          return "rounds went on without it";
        });
  }

  /** Freezes the driver, of client mode, for longer than spark.network.timeout. */
  void strikeFrozenDriver() throws Exception {
    strike(
        "SIGSTOP of the driver for " + FROZEN_SECONDS + " s",
        r -> {
          ProcessHandle driver = r.submission().process().toHandle();
          DaemonCluster.signal("STOP", driver);
          TimeUnit.SECONDS.sleep(FROZEN_SECONDS);
          DaemonCluster.signal("CONT", driver);
          return "went on";
        });
  }

  /** Waits for executors that come, go and come again, with {@link #beginDynamic}. */
  void strikeDynamic() throws Exception {
    strike(
        "dynamic allocation",
        r -> {
          await("executors").atMost(PATIENCE).until(() -> cluster.executors().size() > 1);
          int most = cluster.executors().size();
          await("idle executors go").atMost(PATIENCE).until(() -> cluster.executors().isEmpty());
          await("executors come again")
              .atMost(PATIENCE)
              .until(() -> !cluster.executors().isEmpty());
          return "from " + most + " executors to none during a validation, and up again";
        });
  }

  /** Waits for the end, which is that of the undisturbed run, and prints a line for each fault. */
  void ends() throws Exception {
    pace.letGo();
    assertThat(submission.end()).as(submission.log()).isZero();
    // In standalone's cluster mode what was submitted ends before the driver.
    await("the run ends").atMost(PATIENCE).until(() -> RunResult.isThere(directory));
    double seconds = (System.nanoTime() - start) / NANOS;
    RunResult result = RunResult.of(directory);
    assertThat(result).isEqualTo(undisturbed(result.rounds()));
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
        "  %s: same parameters and chain after %d rounds as undisturbed, %s; %.1f s%n",
        directory.replaceFirst(".*/", ""),
        result.rounds(),
        result.parameters(),
        seconds);
  }

  /** What nothing happens to, without Spark. */
  private RunResult undisturbed(int rounds) throws IOException {
    String run = directory.replaceFirst(".*/", "undisturbed-");
    String local = cluster.folder().resolve("work").resolve(run).toString();
    List<String> args = Commands.with(settings, "train", "--without-spark", "--run", local);
    args.addAll(List.of("--set", "stop.rounds=" + rounds));
    Commands.Result result = Commands.recall(args);
    assertThat(result.exitCode()).as(result.err()).isZero();
    return RunResult.of(local);
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
