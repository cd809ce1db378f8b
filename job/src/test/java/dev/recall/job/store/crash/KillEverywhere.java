package dev.recall.job.store.crash;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.recall.job.Commands;
import dev.recall.job.config.Configs;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * Kills a run at every operation on its file system, goes on, and compares with a run that nobody
 * killed. Then the same for the process that goes on.
 */
final class KillEverywhere implements AutoCloseable {

  private static final int ROUNDS = 4;
  private static final int EVERY = 2;

  /** Every kind of state. */
  static final List<String> SETTINGS =
      Configs.smallWith(
          "training.shards=2",
          "training.local-steps=2",
          "stop.patience=100000",
          "stop.rounds=" + ROUNDS,
          "checkpoint.every-rounds=" + EVERY,
          "checkpoint.keep=1",
          "report.every-rounds=1");

  private static final Pattern ROUND = Pattern.compile("(?m)^round (\\d+)/");

  private final Place place;
  private final boolean everyFile;
  private final Deaths deaths;
  private final RunFigures runs;
  private final Map<String, JsonNode> expected;

  /**
   * Lets a run end undisturbed.
   *
   * <p>With {@code -Drecall.crash=all} every operation has its turn, else one of those that are
   * alike; in a resume those only that a begin does not have.
   *
   * @param everyFile whether operations of one kind are alike on files of one kind only, with a
   *     SIGKILL for each kind of operation; else they are on any file, with SIGKILLs alone
   */
  KillEverywhere(Place place, Path folder, boolean everyFile) throws IOException {
    this.place = place;
    this.everyFile = everyFile;
    deaths = new Deaths(place, folder, everyFile);
    runs = new RunFigures(place.plain());
    String whole = place.uri() + "/whole";
    goOn(whole);
    expected = runs.result(whole);
  }

  @Override
  public void close() {
    deaths.close();
  }

  /** What the user does after a crash, by the state of the directory. */
  private List<String> command(String run) {
    return runs.has(run + "/config.conf")
        ? List.of("train", "--without-spark", "--resume", run)
        : Commands.with(SETTINGS, "train", "--without-spark", "--run", run);
  }

  private void goOn(String run) {
    Commands.Result result = Commands.recall(command(run));
    assertThat(result.exitCode()).as(result.err()).isZero();
  }

  private List<KillPoint> points(String run) throws IOException, InterruptedException {
    List<String> log = deaths.counted(command(run));
    assertThat(runs.result(run)).isEqualTo(expected);
    List<KillPoint> points = KillPoint.of(log, Deaths.ALL);
    return everyFile ? points : points.stream().map(KillPoint::onAnyFile).toList();
  }

  /** Kills a run at each point, and the process that goes on with a run that was killed. */
  void run() throws IOException, InterruptedException, ExecutionException {
    long begun = System.nanoTime();
    List<KillPoint> counted = points(place.uri() + "/counted");
    List<KillPoint> ofBegin = Deaths.ALL ? counted : KillPoint.middle(counted);
    List<String> losses = new ArrayList<>(inTurn(ofBegin, this::begunAndKilled));

    String base = place.uri() + "/base";
    KillPoint late = counted.get(counted.size() * 3 / 5);
    deaths.killed(late, command(base));
    String resumed = place.uri() + "/resumed";
    runs.copy(base, resumed);
    List<KillPoint> countedAgain = points(resumed);
    List<KillPoint> ofResume =
        Deaths.ALL ? countedAgain : KillPoint.without(KillPoint.middle(countedAgain), ofBegin);
    losses.addAll(inTurn(ofResume, point -> resumedAndKilled(base, point)));

    System.out.printf(
        "%s: %d kill points (%d of a begin, %d of a resume of a run killed %s; %d SIGKILLs),"
            + " %d losses; %.0f s%n",
        place.name(),
        ofBegin.size() + ofResume.size(),
        ofBegin.size(),
        ofResume.size(),
        late,
        deaths.kills(),
        losses.size(),
        (System.nanoTime() - begun) / 1e9);
    assertThat(losses).isEmpty();
  }

  /** A kill and what follows. */
  @FunctionalInterface
  private interface Trial {
    void at(KillPoint point) throws IOException, InterruptedException;
  }

  private List<String> inTurn(List<KillPoint> points, Trial trial)
      throws InterruptedException, ExecutionException {
    ExecutorService two = Executors.newFixedThreadPool(2);
    try {
      List<Callable<String>> trials =
          points.stream().<Callable<String>>map(point -> () -> loss(point, trial)).toList();
      List<String> losses = new ArrayList<>();
      for (Future<String> loss : two.invokeAll(trials)) {
        losses.add(loss.get());
      }
      losses.removeIf(String::isEmpty);
      return losses;
    } finally {
      two.shutdownNow();
    }
  }

  private static String loss(KillPoint point, Trial trial) {
    try {
      trial.at(point);
      return "";
    } catch (IOException | InterruptedException | RuntimeException | AssertionError e) {
      return point + ": " + e;
    }
  }

  private String name(String kind, KillPoint point) {
    return place.uri() + "/" + kind + point.operation() + "-" + point.phase().ordinal();
  }

  private void begunAndKilled(KillPoint point) throws IOException, InterruptedException {
    String run = name("begin", point);
    killAndGoOn(run, point, -1);
  }

  private void resumedAndKilled(String base, KillPoint point)
      throws IOException, InterruptedException {
    String run = name("resume", point);
    runs.copy(base, run);
    killAndGoOn(run, point, runs.newestRound(run));
  }

  private void killAndGoOn(String run, KillPoint point, int roundBefore)
      throws IOException, InterruptedException {
    String said = deaths.killed(point, command(run));
    assertThat(runs.newestRound(run))
        .as("round of the newest checkpoint")
        .isGreaterThanOrEqualTo(Math.max(roundBefore, lastRound(said) - EVERY));
    goOn(run);
    assertThat(runs.result(run)).isEqualTo(expected);
    assertThat(runs.metricsRounds(run))
        .isEqualTo(IntStream.rangeClosed(1, ROUNDS).boxed().toList());
    assertThat(runs.unfinished(run)).isEmpty();
    Commands.Result verified = Commands.recall("verify", run);
    assertThat(verified.exitCode()).as(verified.err()).isZero();
    runs.delete(run);
  }

  private static int lastRound(String log) {
    int last = -1;
    Matcher matcher = ROUND.matcher(log);
    while (matcher.find()) {
      last = Integer.parseInt(matcher.group(1));
    }
    return last;
  }
}
