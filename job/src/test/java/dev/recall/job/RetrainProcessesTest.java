package dev.recall.job;

import static org.assertj.core.api.Assertions.assertThat;

import dev.recall.job.config.Configs;
import dev.recall.job.registry.Lease;
import dev.recall.job.registry.ModelRegistry;
import dev.recall.job.registry.Step;
import dev.recall.job.store.Storage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Retrainings in processes of their own that meet at one registry. */
@Tag("slow")
class RetrainProcessesTest {

  private static final int FAILED = 1;
  private static final int TERMINATED = 128 + 15;

  @RegisterExtension private final Processes processes = new Processes();

  private ModelRegistry registry() {
    return ModelRegistry.open(
        new Storage(Map.of()), processes.folder().resolve("registry").toString(), "memory");
  }

  private List<String> retrain(int hour, String... settings) {
    List<String> args =
        Commands.with(
            Configs.smallWith(settings), "retrain", "--without-spark", "--name", "memory");
    args.addAll(List.of("--registry", processes.folder().resolve("registry").toString()));
    args.addAll(List.of("--scheduled", "2026-11-22T0" + hour + ":00:00Z"));
    return args;
  }

  private Process start(List<String> args) throws IOException {
    return processes.start(List.of(), args);
  }

  @Test
  void ofManyThatStartAtTheSameMomentOneTrainsAndPublishes() throws Exception {
    String root = processes.folder().resolve("registry").toString();
    RetrainRace.of(6, processes.folder(), root, Map.of());
  }

  @Test
  void oneThatIsTerminatedIsGoneOnWithByTheSameCommand() throws Exception {
    Process first =
        start(
            retrain(
                6, "stop.rounds=100000000", "checkpoint.every-rounds=1", "report.every-rounds=1"));
    processes.awaitLine(first, "^round 2/");
    first.destroy();
    assertThat(processes.end(first)).isEqualTo(TERMINATED);
    assertThat(processes.log()).contains("interrupted: the same command goes on in file:");
    assertThat(Lease.held(registry()).orElseThrow().ended()).isTrue();

    Process again = start(retrain(6, "stop.rounds=100000000", "stop.seconds=0.1"));
    processes.assertEnds(again, 0);
    assertThat(processes.log()).containsPattern("going on after round [1-9]");
    assertThat(registry().versions()).hasSize(1);
  }

  /** Where a cluster gives a driver one context, as YARN does in cluster mode. */
  @Test
  void aChallengerOfTwoIsTrainedInOneSparkApplication() throws Exception {
    Process first = start(retrain(5, "stop.rounds=2"));
    processes.assertEnds(first, 0);
    List<String> args = retrain(6, "stop.rounds=2", "retrain.start=better");
    args.remove("--without-spark");
    Path events = Files.createDirectory(processes.folder().resolve("events"));
    List<String> jvmOptions = new ArrayList<>(Processes.SPARK);
    jvmOptions.addAll(List.of("-Dspark.eventLog.enabled=true", "-Dspark.eventLog.dir=" + events));
    Process second = processes.start(jvmOptions, args);
    processes.assertEnds(second, 0);
    Path runs = processes.folder().resolve("registry/memory/runs");
    for (String from : List.of("champion", "scratch")) {
      Path run = runs.resolve("20261122T060000Z-" + from);
      assertThat(RunFiles.json(run.resolve("run.json")).at("/processes/0/runner").asText())
          .startsWith("Spark ");
    }
    assertThat(RunFiles.names(events)).hasSize(1);
  }

  /** Stopped while it trains, it wakes up when another has published. */
  @Test
  void aHolderThatWasFrozenForLongerThanItsLeasePublishesNothing() throws Exception {
    Process first = start(retrain(5, "stop.rounds=2"));
    processes.assertEnds(first, 0);
    Process frozen =
        start(retrain(6, "stop.rounds=100000000", "stop.seconds=3", "retrain.lease-seconds=1"));
    processes.awaitLine(frozen, "^run directory .*060000Z.*");
    Processes.signal("STOP", frozen);

    leaseRunsOut();
    Process next = start(retrain(7, "stop.rounds=3", "retrain.lease-seconds=1"));
    processes.assertEnds(next, 0);
    List<Integer> published = registry().versions();
    Step now = registry().now();

    Processes.signal("CONT", frozen);
    processes.assertEnds(frozen, FAILED);
    assertThat(processes.log())
        .contains("too late: the lease was taken over; nothing goes into service");
    assertThat(registry().versions()).isEqualTo(published).hasSize(2);
    assertThat(registry().now()).isEqualTo(now);
    assertThat(registry().history().stream().map(Step::action)).contains(Step.Action.TAKE_OVER);
  }

  /** As if the time had passed; the holder cannot renew it. */
  private void leaseRunsOut() throws IOException {
    Path leases = processes.folder().resolve("registry/memory/leases");
    List<String> names = RunFiles.names(leases);
    Path newest = leases.resolve(names.get(names.size() - 1));
    Files.writeString(
        newest,
        Files.readString(newest).replaceFirst("(?<=\"until\" : \")[^\"]*", "2026-01-01T00:00:00Z"));
  }
}
