package dev.recall.job.train;

import dev.recall.model.GradientSum;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;

/**
 * SHA-256 of shards' contributions, each over its vector as little-endian float32, then loss and
 * weight as little-endian float64.
 */
final class GradientDigest {

  private static final int LENGTH = 32;

  private final MessageDigest sha256;
  private final ByteBuffer digests;
  private ByteBuffer work = ByteBuffer.allocate(0);

  /** Takes up to so many contributions. */
  GradientDigest(int count) {
    try {
      sha256 = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
    digests = ByteBuffer.allocate(LENGTH * count);
  }

  void add(GradientSum contribution) {
    float[] vector = contribution.vector();
    if (work.capacity() != 4 * vector.length + 16) {
      work = ByteBuffer.allocate(4 * vector.length + 16).order(ByteOrder.LITTLE_ENDIAN);
    }
    work.clear().asFloatBuffer().put(vector);
    work.position(4 * vector.length)
        .putDouble(contribution.loss())
        .putDouble(contribution.weight());
    digests.put(sha256.digest(work.array()));
  }

  /** The digests, one behind the other. */
  byte[] bytes() {
    return digests.array();
  }

  /** Each digest as 64 hexadecimal digits. */
  static List<String> texts(byte[] digests) {
    List<String> texts = new ArrayList<>();
    for (int at = 0; at < digests.length; at += LENGTH) {
      texts.add(HexFormat.of().formatHex(digests, at, at + LENGTH));
    }
    return texts;
  }
}
