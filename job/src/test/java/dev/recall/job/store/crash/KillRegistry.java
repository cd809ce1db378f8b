package dev.recall.job.store.crash;

import static org.assertj.core.api.Assertions.assertThat;

import dev.recall.job.Commands;
import dev.recall.job.config.Configs;
import dev.recall.job.registry.ModelRegistry;
import dev.recall.job.registry.ModelVersion;
import dev.recall.job.registry.Step;
import dev.recall.job.store.Storage;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;

/**
 * Kills what changes a registry at every operation on its file system, while somebody reads; then
 * the same command is to come to its end.
 */
final class KillRegistry implements AutoCloseable {

  private static final String MODEL = "memory";

  /** What concerns training has its turn elsewhere. */
  private static final List<String> OF_THE_REGISTRY =
      List.of("/versions", "/history", "/leases", "/gone");

  /** Files of a version that are written as its model is. */
  private static final List<String> LIKE_THE_MODEL =
      List.of("config.conf", "run.json", "intoto.json", "summary.json", "decision.json");

  private static final List<String> SETTINGS =
      Configs.smallWith("stop.rounds=2", "validation.every-rounds=0", "retrain.batches=2");

  private final Place place;
  private final boolean everyCommand;
  private final Deaths deaths;
  private final RunFigures files;
  private final Storage storage;
  private final String base;
  private final List<KillPoint> tried = new ArrayList<>();
  private int trials;

  /**
   * Makes a registry with four versions of which the second is in service, the first before it.
   *
   * @param everyCommand whether each command has its turn, with a SIGKILL for each kind of
   *     operation; else the one that does most, with SIGKILLs alone. With {@code
   *     -Drecall.crash=all} each command, with SIGKILLs alone
   */
  KillRegistry(Place place, Path folder, boolean everyCommand) throws IOException {
    this.place = place;
    this.everyCommand = everyCommand || Deaths.ALL;
    deaths = new Deaths(place, folder, everyCommand);
    files = new RunFigures(place.plain());
    storage = new Storage(place.plain());
    base = place.uri() + "/registry-base";
    for (int hour = 1; hour <= 4; hour++) {
      succeeds(retrain(hour), base);
    }
    for (String version : List.of("4", "1", "2")) {
      Commands.recall(at(base, List.of("models", "promote", MODEL, version)));
    }
    assertThat(registry(base).now().service()).startsWith(2, 1);
  }

  @Override
  public void close() {
    deaths.close();
  }

  private static List<String> retrain(int hour) {
    return Commands.with(
        SETTINGS,
        "retrain",
        "--without-spark",
        "--name",
        MODEL,
        "--scheduled",
        "2026-11-22T0%d:00:00Z".formatted(hour));
  }

  private static List<String> at(String root, List<String> command) {
    List<String> args = new ArrayList<>(command);
    args.addAll(List.of("--registry", root));
    return args;
  }

  private static void succeeds(List<String> command, String root) {
    Commands.Result result = Commands.recall(at(root, command));
    assertThat(result.exitCode()).as(command + ": " + result.err()).isZero();
  }

  private ModelRegistry registry(String root) {
    return ModelRegistry.open(storage, root, MODEL);
  }

  /** What has to be so after a command, whenever and however often it was killed. */
  private interface Expected {
    void check(ModelRegistry registry);
  }

  /** Kills each command at each of its operations, or at one of those that are alike. */
  void run() throws IOException, InterruptedException {
    trials(
        retrain(5),
        registry -> {
          List<Integer> trained =
              registry.versions().stream()
                  .filter(
                      number -> registry.version(number).scheduled().equals("2026-11-22T05:00:00Z"))
                  .toList();
          assertThat(trained).hasSize(1);
          int version = trained.get(0);
          assertThat(registry.decision(version).orElseThrow().path("promote").booleanValue())
              .as("decision of the version that is in service")
              .isEqualTo(registry.now().inService().orElseThrow() == version);
        });
    if (everyCommand) {
      promotePruneAndRollBack();
    }
    System.out.printf(
        "%s: %d kills (%d SIGKILLs) of commands on a registry; the model in service always whole%n",
        place.name(), trials, deaths.kills());
  }

  private void promotePruneAndRollBack() throws IOException, InterruptedException {
    trials(
        List.of("models", "promote", MODEL, "4"),
        registry -> assertThat(registry.now().inService()).hasValue(4));
    trials(
        List.of("models", "prune", MODEL, "--keep", "1"),
        registry -> {
          assertThat(registry.versions()).containsExactly(1, 2, 4);
          assertThat(storage.list(registry.path() + "/versions"))
              .containsExactly("000001", "000002", "000004");
          assertThat(storage.list(registry.path() + "/runs")).hasSize(3);
        });
    trials(
        List.of("models", "rollback", MODEL),
        registry -> assertThat(registry.now().inService().orElseThrow()).isNotEqualTo(2));
  }

  private void trials(List<String> command, Expected expected)
      throws IOException, InterruptedException {
    for (KillPoint point : points(command)) {
      String root = copy();
      try (Reader reader = new Reader(registry(root))) {
        deaths.killed(point, at(root, command));
        reader.check(command + ", " + point);
      }
      leasesRunOut(root);
      Step after = registry(root).now();
      Commands.Result again = Commands.recall(at(root, command));
      boolean doneBefore = again.err().contains("is in service already");
      assertThat(again.exitCode()).as(point + ": " + again.err()).isEqualTo(doneBefore ? 2 : 0);
      assertThat(registry(root).now().number()).isGreaterThanOrEqualTo(after.number());
      expected.check(registry(root));
      whole(registry(root));
      files.delete(root);
      trials++;
    }
  }

  private String copy() throws IOException {
    String root = place.uri() + "/registry-" + trials;
    files.copy(base, root);
    return root;
  }

  private List<KillPoint> points(List<String> command) throws IOException, InterruptedException {
    String root = place.uri() + "/registry-counted";
    files.copy(base, root);
    List<String> log = deaths.counted(at(root, command));
    files.delete(root);
    List<String> ofRegistry =
        log.stream().filter(line -> OF_THE_REGISTRY.stream().anyMatch(line::contains)).toList();
    if (Deaths.ALL) {
      return KillPoint.of(ofRegistry, true);
    }
    List<String> others =
        ofRegistry.stream()
            .filter(line -> LIKE_THE_MODEL.stream().noneMatch(line::contains))
            .toList();
    List<KillPoint> points = KillPoint.without(KillPoint.last(KillPoint.of(others, false)), tried);
    tried.addAll(points);
    return points;
  }

  /** As if the time of the dead holder's lease had passed. */
  private void leasesRunOut(String root) throws IOException {
    String directory = registry(root).path() + "/leases";
    for (String name : storage.list(directory)) {
      String text = storage.readText(directory + "/" + name);
      String past = text.replaceFirst("(?<=\"until\" : \")[^\"]*", "2026-01-01T00:00:00Z");
      storage.write(directory + "/" + name, past.getBytes(StandardCharsets.UTF_8));
    }
  }

  /** Every file of the version in service has the bytes that its last file says. */
  private static void whole(ModelRegistry registry) {
    int number = registry.now().inService().orElseThrow();
    ModelVersion version = registry.version(number);
    version.files().keySet().forEach(file -> registry.read(version, file));
  }

  /** Reads the model in service again and again. */
  private static final class Reader implements AutoCloseable {
    private static final long PAUSE_NANOS = 20_000_000;
    private final AtomicBoolean done = new AtomicBoolean();
    private final CompletableFuture<Integer> reading;

    Reader(ModelRegistry registry) {
      reading =
          CompletableFuture.supplyAsync(
              () -> {
                int reads = 0;
                do {
                  whole(registry);
                  reads++;
                  LockSupport.parkNanos(PAUSE_NANOS);
                } while (!done.get());
                return reads;
              });
    }

    void check(String what) {
      done.set(true);
      assertThat(reading).as(what).succeedsWithin(Duration.ofSeconds(60));
    }

    @Override
    public void close() {
      done.set(true);
    }
  }
}
