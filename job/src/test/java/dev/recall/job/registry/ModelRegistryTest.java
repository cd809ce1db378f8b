package dev.recall.job.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.recall.job.AtOnce;
import dev.recall.job.RunFiles;
import dev.recall.job.config.UserError;
import dev.recall.job.registry.Step.Action;
import dev.recall.job.store.Storage;
import java.io.IOException;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.IntStream;
import org.apache.commons.io.FileUtils;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ModelRegistryTest {

  private static final Storage STORAGE = new Storage(Map.of());
  private static final Duration SHORT = Duration.ofMillis(600);
  private static final Duration LONG = Duration.ofMinutes(5);

  @TempDir private Path folder;

  private ModelRegistry registry() {
    return ModelRegistry.open(STORAGE, folder.toString(), "memory");
  }

  private Path model() {
    return folder.resolve("memory");
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  private void published(int... numbers) throws IOException {
    for (int number : numbers) {
      registry().publish(number, "then", "run", Map.of("model", bytes("model " + number)));
    }
  }

  private void promoted(int... numbers) throws IOException {
    for (int number : numbers) {
      registry().promote(number, "why");
    }
  }

  @Test
  void holdsNothingAtFirst() {
    assertThat(registry().versions()).isEmpty();
    assertThat(registry().history()).isEmpty();
    assertThat(registry().now().inService()).isEmpty();
    assertThat(Lease.held(registry())).isEmpty();
    assertThat(ModelRegistry.names(STORAGE, folder.resolve("missing").toString())).isEmpty();
  }

  @Test
  void aVersionIsThereWhenItsLastFileIs() throws IOException {
    published(7);
    Path file = model().resolve("versions/000007/version.json");
    byte[] whole = Files.readAllBytes(file);
    Files.delete(file);
    assertThat(registry().versions()).isEmpty();
    assertThatThrownBy(() -> registry().promote(7, "why"))
        .isInstanceOf(UserError.class)
        .hasMessage("file:" + model() + ": expected one of the versions [], found no version 7");
    Files.write(file, whole);
    assertThat(registry().versions()).containsExactly(7);
    ModelVersion version = registry().version(7);
    assertThat(version.scheduled()).isEqualTo("then");
    assertThat(registry().read(version, "model")).isEqualTo(bytes("model 7"));
  }

  @Test
  void aFileThatWasChangedIsRefused() throws IOException {
    published(7);
    Files.writeString(model().resolve("versions/000007/model"), "model 8");
    assertThatThrownBy(() -> registry().read(registry().version(7), "model"))
        .isInstanceOf(UserError.class)
        .hasMessageMatching(".*/000007/model: expected SHA-256 \\w{64}, found \\w{64}");
  }

  @Test
  void rollbacksLeadBackThroughWhatWasInService() throws IOException {
    published(1, 2, 3, 4);
    promoted(1, 2, 4);
    assertThat(registry().now().service()).containsExactly(4, 2, 1);
    assertThat(registry().rollback("slow").inService()).hasValue(2);
    promoted(3);
    assertThat(registry().rollback("slow").service()).containsExactly(2, 1);
    assertThat(registry().rollback("slow").service()).containsExactly(1);
    assertThatThrownBy(() -> registry().rollback("slow"))
        .isInstanceOf(UserError.class)
        .hasMessageEndingWith("expected a version before the one in service, found [1]");
    assertThat(registry().history().stream().map(Step::action))
        .containsExactly(
            Action.PROMOTE,
            Action.PROMOTE,
            Action.PROMOTE,
            Action.ROLLBACK,
            Action.PROMOTE,
            Action.ROLLBACK,
            Action.ROLLBACK);
    assertThat(registry().history())
        .allMatch(step -> step.by().startsWith(System.getProperty("user.name") + "@"))
        .allMatch(step -> !Instant.parse(step.at()).isAfter(Instant.now()));
  }

  @Test
  void aDecisionOnAnOlderStepHasNoEffect() throws IOException {
    published(1, 2, 3);
    promoted(1);
    Step decidedOn = registry().now();
    promoted(2);
    Map<String, String> before = RunFiles.snapshot(folder);
    assertThat(registry().promote(3, decidedOn, "late")).isEmpty();
    assertThat(RunFiles.snapshot(folder)).isEqualTo(before);
    assertThat(registry().promote(3, registry().now(), "in time")).isPresent();
  }

  @Test
  void ofManyDecisionsOnOneStepOneHasEffect() throws Exception {
    published(1, 2, 3, 4, 5, 6, 7, 8);
    Step decidedOn = registry().now();
    List<Callable<Boolean>> decisions = new ArrayList<>();
    for (int version = 1; version <= 8; version++) {
      int mine = version;
      decisions.add(() -> registry().promote(mine, decidedOn, "why").isPresent());
    }
    assertThat(AtOnce.all(decisions)).containsOnlyOnce(true);
    assertThat(registry().history()).hasSize(1);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 9})
  void pruningKeepsTheNewestAndTheTwoThatServe(int keep) throws IOException {
    published(1, 2, 3, 4, 5, 6);
    promoted(1, 2);
    List<Integer> gone = registry().prune(keep);
    List<Integer> newest = IntStream.rangeClosed(Math.max(1, 7 - keep), 6).boxed().toList();
    assertThat(registry().versions()).containsAll(newest).contains(1, 2).noneMatch(gone::contains);
    assertThat(gone).allMatch(version -> version > 2 && !newest.contains(version));
    assertThat(RunFiles.names(model().resolve("versions")))
        .containsExactlyElementsOf(registry().versions().stream().map("%06d"::formatted).toList());
    assertThat(registry().now().service()).containsExactly(2, 1);
  }

  @Test
  void pruningWithNothingToRemoveIsNoStep() throws IOException {
    published(1, 2);
    promoted(1);
    Step before = registry().now();
    assertThat(registry().prune(2)).isEmpty();
    assertThat(registry().now()).isEqualTo(before);
  }

  @Test
  void theVersionOfATimeIsFoundUntilItIsPruned() throws IOException {
    String time = "2026-11-22T06:00:00Z";
    assertThat(registry().trainedFor(time)).isEmpty();
    registry().publish(1, time, "run", Map.of());
    Files.createDirectories(Path.of(URI.create(registry().runDirectory(time, "scratch"))));
    assertThat(registry().trainedFor(time)).hasValue(1);
    assertThat(registry().trainedFor("2026-11-22T07:00:00Z")).isEmpty();

    FileUtils.deleteDirectory(model().resolve("times").toFile()); // as of an older registry
    assertThat(registry().trainedFor(time)).hasValue(1);

    published(2, 3, 4);
    registry().prune(1);
    assertThat(registry().trainedFor(time)).isEmpty();
    assertThat(registry().gone(time)).hasValue(1);
  }

  @Test
  void theFirstPromotionOfAVersionIsFound() throws IOException {
    published(1);
    promoted(1);
    published(2);
    assertThat(registry().promotion(2)).isEmpty();
    promoted(2);
    registry().rollback("why");
    promoted(2);
    assertThat(registry().promotion(1).orElseThrow().number()).isEqualTo(1);
    assertThat(registry().promotion(2).orElseThrow().number()).isEqualTo(2);
  }

  @Test
  void pruningThatWasInterruptedIsFinishedByTheNext() throws IOException {
    published(1, 2, 3);
    promoted(1, 2, 3);
    Step step = registry().now();
    // As if the process had ended after the step and before the files went.
    STORAGE.createNew(
        registry().path() + "/history/00000004.json",
        Fields.bytes(step.prune(List.of(1), By.now(), "").json()));
    assertThat(registry().versions()).containsExactly(2, 3);
    assertThatThrownBy(() -> registry().promote(1, "why"))
        .hasMessageEndingWith("expected a version that stays, version 1 goes");
    assertThat(registry().prune(5)).containsExactly(1);
    assertThat(RunFiles.names(model().resolve("versions"))).containsExactly("000002", "000003");
    assertThat(registry().now().service()).containsExactly(3, 2);
  }

  @Test
  void pruningLeavesWhatTheHolderOfTheLeaseWrites() throws Exception {
    published(1);
    promoted(1);
    Lease.take(registry(), LONG, line -> {}).close(); // version 1's
    Lease.take(registry(), LONG, line -> {}).close();
    try (Lease lease = Lease.take(registry(), LONG, line -> {})) {
      Path left = model().resolve("versions/000002");
      Path writing = model().resolve("versions/000003");
      for (Path directory : List.of(left, writing)) {
        Files.createDirectories(directory);
        Files.writeString(directory.resolve("model"), "without a last file");
      }
      assertThat(lease.number()).isEqualTo(3);
      assertThat(registry().prune(1)).containsExactly(2);
      assertThat(left).doesNotExist();
      assertThat(writing).exists();
    }
  }

  @Test
  void readersThatPollNeverSeeLessThanAWholeVersion() throws Exception {
    published(1, 2);
    promoted(1);
    AtomicBoolean done = new AtomicBoolean();
    Callable<Integer> reader =
        () -> {
          int reads = 0;
          while (!done.get()) {
            int version = registry().now().inService().orElseThrow();
            assertThat(registry().read(registry().version(version), "model"))
                .isEqualTo(bytes("model " + version));
            reads++;
          }
          return reads;
        };
    Callable<Integer> writer =
        () -> {
          for (int i = 0; i < 50; i++) {
            promoted(i % 2 == 0 ? 2 : 1);
          }
          done.set(true);
          return 50;
        };
    assertThat(AtOnce.all(List.of(reader, reader, writer))).allMatch(count -> count > 0);
    assertThat(registry().history()).hasSize(51);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "..", ".hidden", "a/b", "a b", "-x"})
  void aNameThatIsNoneIsRefused(String name) {
    assertThatThrownBy(() -> ModelRegistry.open(STORAGE, folder.toString(), name))
        .isInstanceOf(UserError.class)
        .hasMessageContaining("model name: expected letters, digits and . _ -");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "[]",
        "{\"step\": 1}",
        "{\"step\": 2, \"action\": \"promote\", \"version\": 1, \"service\": [], \"going\": [],"
            + " \"at\": \"\", \"by\": \"\", \"reason\": \"\"}",
        "{\"step\": 1, \"action\": \"sell\", \"version\": 1, \"service\": [], \"going\": [],"
            + " \"at\": \"\", \"by\": \"\", \"reason\": \"\"}",
        "{\"step\": 1, \"action\": \"promote\", \"version\": 1, \"service\": [-1], \"going\": [],"
            + " \"at\": \"\", \"by\": \"\", \"reason\": \"\"}"
      })
  void aStepThatIsNoneIsRefusedWithItsFile(String text) throws IOException {
    Path file = model().resolve("history/00000001.json");
    Files.createDirectories(file.getParent());
    Files.writeString(file, text);
    assertThatThrownBy(() -> registry().now())
        .isInstanceOf(UserError.class)
        .hasMessageContaining("history/00000001.json: ")
        .hasMessageContaining("expected ");
  }

  @Test
  void oneOfManyGetsTheLease() throws Exception {
    for (int i = 1; i <= 5; i++) {
      List<Callable<Lease>> takers = new ArrayList<>();
      for (int taker = 0; taker < 8; taker++) {
        takers.add(
            () -> {
              try {
                return Lease.take(registry(), SHORT, line -> {});
              } catch (Lease.Taken e) {
                assertThat(e)
                    .hasMessageMatching(
                        ".*: \\S+@\\S+ has been retraining it since \\S+Z, as version \\d+; its"
                            + " lease runs until \\S+Z");
                return null;
              }
            });
      }
      List<Lease> leases = AtOnce.all(takers).stream().filter(lease -> lease != null).toList();
      assertThat(leases).hasSize(1);
      assertThat(leases.get(0).number()).isEqualTo(i);
      assertThat(leases.get(0).isMine()).isTrue();
      leases.get(0).close();
    }
    assertThat(registry().history()).as("leases that were given back").isEmpty();
  }

  @Test
  void aLeaseThatRanOutIsTakenOverAndItsHolderPublishesNothing() throws Exception {
    published(1, 2);
    promoted(1);
    Lease frozen = Lease.take(registry(), LONG, line -> {});
    Step decidedOn = registry().now();

    leaseFileSays(frozen.number(), Instant.now().minus(Lease.ALLOWANCE).minusSeconds(1));
    try (Lease next = Lease.take(registry(), LONG, line -> {})) {
      assertThat(next.number()).isEqualTo(frozen.number() + 1);
      assertThat(frozen.isMine()).isFalse();
      assertThat(registry().promote(2, decidedOn, "late")).isEmpty();
      assertThat(registry().now().action()).isEqualTo(Action.TAKE_OVER);
      assertThat(registry().now().service()).containsExactly(1);
      frozen.close();
      assertThat(Lease.held(registry()).orElseThrow().ended()).isFalse();
      assertThat(next.isMine()).isTrue();
    }
    assertThat(Lease.held(registry()).orElseThrow().ended()).isTrue();
  }

  /** Where a file system lets two create one file the last to renew it has the lease. */
  @Test
  void ofTwoWithTheSameLeaseOneHasIt() throws Exception {
    Path file;
    try (Lease first = Lease.take(registry(), LONG, line -> {})) {
      file = renewal(first.number());
      String text = Files.readString(file);
      String token = Lease.held(registry()).orElseThrow().token();
      Files.writeString(file, text.replace(token, "another"));
      assertThat(first.isMine()).isFalse();
    }
    assertThat(file).content().contains("another", "\"ended\" : false");
  }

  /** The file by which a lease is renewed, when it has been. */
  private Path renewal(int number) {
    Path file = model().resolve("leases/%08d.renewed.json".formatted(number));
    await().until(() -> Files.exists(file));
    return file;
  }

  private void leaseFileSays(int number, Instant until) throws IOException {
    Path file = renewal(number);
    Files.writeString(
        file, Files.readString(file).replaceFirst("(?<=\"until\" : \")[^\"]*", until.toString()));
  }

  @Test
  void aLeaseIsRenewedWhileItIsHeld() throws Exception {
    Duration length = Duration.ofMillis(300);
    try (Lease lease = Lease.take(registry(), length, line -> {})) {
      Instant first = Lease.held(registry()).orElseThrow().until();
      await()
          .until(() -> Lease.held(registry()).orElseThrow().until().isAfter(first.plusSeconds(1)));
      assertThat(lease.isMine()).isTrue();
    }
  }
}
