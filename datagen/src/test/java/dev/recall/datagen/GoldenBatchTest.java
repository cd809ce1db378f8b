package dev.recall.datagen;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;

/**
 * The bits of a batch, as SHA-256 of inputs, targets and weights in float32, little endian.
 *
 * <p>Who changes these bits changes every run with a given seed: say so in the changelog.
 */
class GoldenBatchTest {
  private static final BatchKey KEY = new BatchKey(42, Purpose.TRAINING, 7, 3, 1);

  @Test
  void memoryTaskKeepsItsBits() throws NoSuchAlgorithmException {
    assertThat(sha256(new MemoryTask(20, 3, 1, 32, Targets.ALL)))
        .isEqualTo("05a8ffbcd715ba43b1c26ef7c3b7acec84e41e0fe9ee0d39420070b5debb43ef");
  }

  @Test
  void addingTaskKeepsItsBits() throws NoSuchAlgorithmException {
    assertThat(sha256(new AddingTask(20, 32)))
        .isEqualTo("ebb81617e28ccfc8437fc7e583f9dbe78bba691c5d4bda7277bbf645b24d0a6a");
  }

  private static String sha256(SequenceTask task) throws NoSuchAlgorithmException {
    String plain = sha256(task, new PlainKernel());
    assertThat(sha256(task, RandomKernels.vector().orElseThrow())).isEqualTo(plain);
    return plain;
  }

  private static String sha256(SequenceTask task, RandomKernel kernel)
      throws NoSuchAlgorithmException {
    SequenceBatch batch =
        new SequenceBatch(
            task.steps(),
            task.batchSize(),
            task.inputSize(),
            task.targetSize(),
            new RandomKernels(kernel, Long.MAX_VALUE));
    task.generate(KEY, batch);
    MessageDigest digest = MessageDigest.getInstance("SHA-256");
    for (float[] array : new float[][] {batch.inputs(), batch.targets(), batch.weights()}) {
      ByteBuffer bytes = ByteBuffer.allocate(4 * array.length).order(ByteOrder.LITTLE_ENDIAN);
      bytes.asFloatBuffer().put(array);
      digest.update(bytes.array());
    }
    return HexFormat.of().formatHex(digest.digest());
  }
}
