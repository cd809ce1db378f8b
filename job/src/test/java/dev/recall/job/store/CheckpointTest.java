package dev.recall.job.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.recall.job.config.Configs;
import dev.recall.job.config.RunConfig;
import dev.recall.job.config.UserError;
import dev.recall.job.train.BestSoFar;
import dev.recall.job.train.Snapshot;
import dev.recall.job.train.TrainingState;
import dev.recall.model.format.FormatException;
import dev.recall.model.format.Safetensors;
import dev.recall.model.format.TensorFile;
import dev.recall.model.format.TensorFile.Tensor;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

class CheckpointTest {

  private static final String PATH = "file:/runs/one/checkpoints/round-00000007.safetensors";

  /** Every kind of state: driver's optimizer, local optimizer, best so far. */
  private static final RunConfig CONFIG =
      Configs.small("training.local-steps=3", "stop.patience=4", "stop.rounds=9");

  private static final int LENGTH = CONFIG.model().layout().size();

  private static float[] anyFloats(Random random) {
    float[] values = new float[LENGTH];
    for (int i = 0; i < values.length; i++) {
      float value = Float.intBitsToFloat(random.nextInt());
      values[i] = Float.isFinite(value) ? value : -0f;
    }
    return values;
  }

  private static float[][] slots(int count, Random random) {
    float[][] slots = new float[count][];
    Arrays.setAll(slots, slot -> anyFloats(random));
    return slots;
  }

  private static Snapshot snapshot(int round, int seed) {
    Random random = new Random(seed);
    BestSoFar best = new BestSoFar(0.1 + 0.2, 3, anyFloats(random));
    return new Snapshot(
        round,
        1L << 40,
        anyFloats(random),
        slots(3, random),
        slots(3, random),
        Optional.of(best),
        2,
        "ab".repeat(32));
  }

  private static Snapshot anyState() {
    return snapshot(7, 5);
  }

  private static byte[] encoded() {
    return Checkpoint.encode(CONFIG, anyState(), anyState());
  }

  private static Snapshot initial(float[] parameters) {
    return TrainingState.initial(CONFIG, parameters).snapshot();
  }

  private static void assertSameBits(Snapshot found, Snapshot expected) {
    assertThat(found.round()).isEqualTo(expected.round());
    assertThat(found.examples()).isEqualTo(expected.examples());
    assertThat(found.rejected()).isEqualTo(expected.rejected());
    assertThat(found.link()).isEqualTo(expected.link());
    assertBits(found.parameters(), expected.parameters());
    assertBits(found.optimizer(), expected.optimizer());
    assertBits(found.local(), expected.local());
    BestSoFar best = found.best().orElseThrow();
    assertThat(best.loss()).isEqualTo(expected.best().orElseThrow().loss());
    assertThat(best.misses()).isEqualTo(expected.best().orElseThrow().misses());
    assertBits(best.parameters(), expected.best().orElseThrow().parameters());
  }

  private static void assertBits(float[][] found, float[][] expected) {
    assertThat(found).hasNumberOfRows(expected.length);
    for (int slot = 0; slot < found.length; slot++) {
      assertBits(found[slot], expected[slot]);
    }
  }

  private static void assertBits(float[] found, float[] expected) {
    int[] bits = new int[found.length];
    Arrays.setAll(bits, i -> Float.floatToRawIntBits(found[i]));
    for (int i = 0; i < bits.length; i++) {
      assertThat(bits[i]).isEqualTo(Float.floatToRawIntBits(expected[i]));
    }
  }

  private static void assertRefused(byte[] bytes, RunConfig config, String... parts) {
    assertThatThrownBy(() -> Checkpoint.decode(PATH, bytes, config))
        .isInstanceOf(UserError.class)
        .hasMessageStartingWith(PATH + ": ")
        .hasMessageContaining("expected ")
        .hasMessageContaining(", found ")
        .satisfies(e -> assertThat(List.of(parts)).allMatch(e.getMessage()::contains));
  }

  private static TensorFile decoded(byte[] bytes) {
    try {
      return Safetensors.decode(bytes);
    } catch (FormatException e) {
      throw new IllegalArgumentException(e);
    }
  }

  private static byte[] withMetadata(byte[] bytes, String key, String value) {
    TensorFile file = decoded(bytes);
    Map<String, String> metadata = new HashMap<>(file.metadata());
    metadata.put(key, value);
    return Safetensors.encode(new TensorFile(metadata, file.tensors()));
  }

  @Test
  void keepsEveryBitOfTheState() {
    Checkpoint.Restored found = Checkpoint.decode(PATH, encoded());
    assertSameBits(found.now(), anyState());
    assertSameBits(found.back(), anyState());
    assertThat(found.config().text()).isEqualTo(CONFIG.text());
  }

  @Test
  void keepsTheStateToGoBackTo() {
    Snapshot back = snapshot(4, 6);
    Checkpoint.Restored found =
        Checkpoint.decode(PATH, Checkpoint.encode(CONFIG, anyState(), back));
    assertSameBits(found.now(), anyState());
    assertSameBits(found.back(), back);
  }

  @Test
  void keepsTheStateBeforeTheFirstValidation() {
    Snapshot initial = initial(new float[LENGTH]);
    Snapshot found = Checkpoint.decode(PATH, Checkpoint.encode(CONFIG, initial, initial)).now();
    assertSameBits(found, initial);
    assertThat(found.best().orElseThrow().loss()).isInfinite();
  }

  @Test
  void namesItsTensorsAsTheSeedDoes() {
    assertThat(decoded(encoded()).names())
        .startsWith(
            "hid1.xh", "hid1.hh", "hid1.b", "hid1.ci", "hid1.cf", "hid1.co", "out.w", "out.b")
        .contains(
            "optimizer.mean.hid1.xh",
            "optimizer.mean_square.out.b",
            "optimizer.velocity.hid1.co",
            "optimizer.local.mean.hid1.hh",
            "optimizer.local.mean_square.hid1.ci",
            "optimizer.local.velocity.out.w",
            "best.hid1.cf")
        .hasSize(8 * (1 + 3 + 3 + 1));
  }

  @Test
  void saysWhatItIsInItsMetadata() {
    Snapshot state = anyState();
    assertThat(decoded(encoded()).metadata())
        .containsEntry("recall_format", "2")
        .containsEntry("round", "7")
        .containsEntry("examples", "1099511627776")
        .containsEntry("seed", "13")
        .containsEntry("rejected", "2")
        .containsEntry("chain", "ab".repeat(32))
        .containsEntry("parameters_sha256", Safetensors.sha256(state.parameters()))
        .containsEntry("config", CONFIG.text())
        .containsEntry("best_loss", "0.30000000000000004")
        .containsEntry("best_misses", "3")
        .containsKey("metadata_sha256")
        .hasSize(11);
  }

  @Test
  void isRefusedWhenTruncatedAnywhere() {
    byte[] bytes = encoded();
    Random random = new Random(1);
    for (int draw = 0; draw < 50; draw++) {
      assertRefused(Arrays.copyOf(bytes, random.nextInt(bytes.length)), CONFIG);
    }
    assertRefused(new byte[0], CONFIG, "found 0 bytes");
    assertRefused(Arrays.copyOf(bytes, bytes.length + 1), CONFIG);
  }

  /** A flipped blank between the header's end and the values is the only one without effect. */
  @Test
  void isRefusedWhenAnyByteIsDamaged() {
    byte[] bytes = encoded();
    Random random = new Random(2);
    int refused = 0;
    int headerEnd = 8 + (bytes[0] & 0xff) + ((bytes[1] & 0xff) << 8);
    for (int i = 0; i < bytes.length; i += i < headerEnd ? 1 : 1 + random.nextInt(200)) {
      byte[] damaged = bytes.clone();
      damaged[i] ^= (byte) (1 + random.nextInt(255));
      try {
        assertSameBits(Checkpoint.decode(PATH, damaged, CONFIG).now(), anyState());
        assertThat(bytes[i]).as("byte %d without effect", i).isEqualTo((byte) ' ');
      } catch (UserError e) {
        assertThat(e).hasMessageStartingWith(PATH + ": ").hasMessageContaining("expected ");
        refused++;
      }
    }
    assertThat(refused).isGreaterThan(headerEnd - 8);
  }

  @Test
  void isRefusedWithMetadataThatWereChanged() {
    byte[] bytes = encoded();
    assertRefused(
        withMetadata(bytes, "round", "8"),
        CONFIG,
        "not a whole safetensors file: expected metadata with SHA-256 ");
  }

  @Test
  void isRefusedWhenItIsAnotherFormatOrNone() {
    TensorFile file = new TensorFile(Map.of("recall_format", "1"), List.of());
    assertRefused(
        Safetensors.encode(file), CONFIG, "expected a checkpoint with recall_format 2, found 1");
    Tensor foreign = new Tensor("wte.weight", List.of(2), new float[] {1, 2});
    assertRefused(
        Safetensors.encode(new TensorFile(Map.of(), List.of(foreign))),
        CONFIG,
        "expected a checkpoint with recall_format 2, found none and tensors [wte.weight]");
    assertRefused("PK\3\4 this is no safetensors".getBytes(), CONFIG, "a safetensors header");
  }

  @Test
  void isRefusedWithoutMetadataOfItsOwn() {
    TensorFile file = new TensorFile(Map.of("recall_format", "2"), List.of());
    assertRefused(
        Safetensors.encode(file), CONFIG, "expected metadata metadata_sha256, found nothing");
  }

  @Test
  void isRefusedByAnotherArchitecture() {
    byte[] bytes = encoded();
    assertRefused(
        bytes,
        Configs.small("model.layers=[1, (lstm, 5), 1]"),
        "not a checkpoint of this model: expected hid1.xh [1, 20]",
        ", found [1, 16]");
    assertRefused(
        bytes,
        Configs.small("model.layers=[1, (lstm, 4), (lstm, 4), 1]"),
        "expected hid2.xh [4, 16]",
        "found nothing");
    assertRefused(
        bytes,
        Configs.small("model.peepholes=false"),
        "expected only the model's blocks [hid1.xh, hid1.hh, hid1.b, out.w, out.b], found hid1.ci");
  }

  @Test
  void isRefusedByAnotherOptimizer() {
    RunConfig sgd = Configs.small("training.optimizer.algorithm=sgd");
    Snapshot state = TrainingState.initial(sgd, new float[LENGTH]).snapshot();
    byte[] bytes = Checkpoint.encode(sgd, state, state);
    assertRefused(bytes, Configs.small(), "expected optimizer.mean.hid1.xh [1, 16]");
    assertRefused(
        bytes,
        Configs.small("training.optimizer.algorithm=sgd", "stop.patience=1"),
        "expected metadata best_loss, found nothing");
  }

  @Test
  void givesTheBestParametersAsItsResult() {
    Snapshot state = anyState();
    byte[] bytes = encoded();
    TensorFile file = Checkpoint.tensors(PATH, bytes);
    assertBits(
        Checkpoint.result(PATH, file, CONFIG.model().layout()),
        state.best().orElseThrow().parameters());

    Snapshot initial = initial(anyState().parameters());
    TensorFile notValidated = Checkpoint.tensors(PATH, Checkpoint.encode(CONFIG, initial, initial));
    assertBits(
        Checkpoint.result(PATH, notValidated, CONFIG.model().layout()), initial.parameters());
  }
}
