package dev.recall.job.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.fail;

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
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class CheckpointTest {

  private static final String PATH = "file:/runs/one/checkpoints/round-00000007.safetensors";

  private static final String FIRST = PATH.replace('7', '0');

  /** Every kind of state: driver's optimizer, local optimizer, best so far. */
  private static final RunConfig CONFIG =
      Configs.small("training.local-steps=3", "stop.patience=4", "stop.rounds=9");

  private static final int LENGTH = CONFIG.model().layout().size();

  private static final RunConfig SMALLEST =
      Configs.small(
          "model.layers=[1, (lstm, 1), 1]", "training.optimizer.algorithm=sgd", "stop.patience=4");

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

  /** By somebody who means it. */
  private static byte[] withMetadataAndDigest(byte[] bytes, String key, String value) {
    byte[] changed = withMetadata(bytes, key, value);
    return withMetadata(changed, "metadata_sha256", Checkpoint.digest(decoded(changed).metadata()));
  }

  private static Snapshot smallest() {
    float[] parameters = {1, -2, 3, -4, 5, -6, 7, -8, 9, -10, 11, -12, 13, -14, 15, -16, 17};
    return new Snapshot(
        7,
        8,
        parameters,
        new float[1][17],
        new float[0][],
        Optional.of(new BestSoFar(0.5, 1, parameters)),
        0,
        "cd".repeat(32));
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
    Snapshot found = Checkpoint.decode(FIRST, Checkpoint.encode(CONFIG, initial, initial)).now();
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
    byte[] bytes = Checkpoint.encode(SMALLEST, smallest(), smallest());
    for (int length = 0; length < bytes.length; length++) {
      assertRefused(Arrays.copyOf(bytes, length), SMALLEST);
    }
    assertRefused(new byte[0], SMALLEST, "found 0 bytes");
    assertRefused(Arrays.copyOf(bytes, bytes.length + 1), SMALLEST);
  }

  @Test
  void isRefusedWhenAnyByteIsDamaged() {
    byte[] bytes = Checkpoint.encode(SMALLEST, smallest(), smallest());
    for (int i = 0; i < bytes.length; i++) {
      byte right = bytes[i];
      // Two bits, all of them, and what makes a tab and a line feed of a space.
      for (int mask : new int[] {1, 128, 255, 0x29, 0x2a}) {
        bytes[i] = (byte) (right ^ mask);
        try {
          Checkpoint.decode(PATH, bytes, SMALLEST);
          fail("byte %d with mask %d without effect", i, mask);
        } catch (UserError e) {
          if (!e.getMessage().matches("(?s)\\Q" + PATH + "\\E: .*expected .*, found .*")) {
            throw e;
          }
        }
      }
      bytes[i] = right;
    }
  }

  @Test
  void isRefusedWithMetadataThatWereChanged() {
    byte[] bytes = encoded();
    assertRefused(
        withMetadata(bytes, "round", "8"),
        CONFIG,
        "not a whole safetensors file: expected metadata with SHA-256 ");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "round | -1 | metadata round from 0 to 268435456, found -1",
        "round | 268435457 | metadata round from 0 to 268435456, found 268435457",
        "round | +7 | metadata round from 0",
        "round | seven | metadata round from 0",
        "round | \u0667 | metadata round from 0",
        "round | 99999999999999999999 | metadata round from 0",
        "round | 8 | round 00000007, as in its name, found round 8",
        "examples | -5 | metadata examples from 0",
        "examples | 9223372036854775807 | metadata examples from 0 to 4611686018427387903",
        "examples | 9999999999999999999 | metadata examples from 0",
        "best_loss | NaN | metadata best_loss of at least 0, found NaN",
        "best_loss | -1 | metadata best_loss of at least 0, found -1",
        "best_loss | -Infinity | metadata best_loss of at least 0",
        "best_loss | small | numbers in the metadata",
        "best_misses | -1 | metadata best_misses from 0 to 2147483647, found -1",
        "best_misses | 2147483648 | metadata best_misses from 0",
        "recall_format | 1 | a checkpoint with recall_format 2, found 1",
        "recall_format | 20 | a checkpoint with recall_format 2, found 20",
        "rejected | -1 | metadata rejected from 0",
        "chain | 12ab | a link of 64 hexadecimal digits as metadata chain, found 12ab",
      })
  void isRefusedWithNumbersThatNoRunHas(String key, String value, String message) {
    byte[] bytes = encoded();
    assertRefused(withMetadataAndDigest(bytes, key, value), CONFIG, message);
  }

  @Test
  void mayHaveAnyNameThatIsNotOneOfARun() {
    byte[] bytes = encoded();
    for (String name : List.of("copy.safetensors", "ground-00000008.safetensors", "a/round-7")) {
      assertSameBits(Checkpoint.decode(name, bytes, CONFIG).now(), anyState());
    }
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
