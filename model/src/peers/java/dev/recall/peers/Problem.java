package dev.recall.peers;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * What every contestant computes the gradient of: the mean squared error over all steps of an LSTM
 * layer with one input and a linear read-out with one output.
 *
 * <p>Gates are in the order input, forget, candidate, output; peepholes in the order input, forget,
 * output. A contestant without peepholes leaves them out.
 *
 * @param hidden units H
 * @param batch sequences B
 * @param steps time steps T
 * @param inputWeights [1, 4H]
 * @param recurrentWeights [H, 4H]
 * @param bias [4H]
 * @param peepholes [3, H]
 * @param readOutWeights [H, 1]
 * @param readOutBias [1]
 * @param inputs [T, B, 1]
 * @param targets [T, B, 1]
 */
public record Problem(
    int hidden,
    int batch,
    int steps,
    float[] inputWeights,
    float[] recurrentWeights,
    float[] bias,
    float[] peepholes,
    float[] readOutWeights,
    float[] readOutBias,
    float[] inputs,
    float[] targets) {

  /**
   * Reads the arrays in the order above.
   *
   * @param file little-endian floats, as {@link #write} leaves them
   * @param hidden H
   * @param batch B
   * @param steps T
   * @return the problem
   * @throws IOException when the file cannot be read
   */
  public static Problem read(Path file, int hidden, int batch, int steps) throws IOException {
    FloatBuffer from =
        ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer();
    return new Problem(
        hidden,
        batch,
        steps,
        next(from, 4 * hidden),
        next(from, hidden * 4 * hidden),
        next(from, 4 * hidden),
        next(from, 3 * hidden),
        next(from, hidden),
        next(from, 1),
        next(from, steps * batch),
        next(from, steps * batch));
  }

  private static float[] next(FloatBuffer from, int length) {
    float[] values = new float[length];
    from.get(values);
    return values;
  }

  /**
   * Writes arrays one behind the other.
   *
   * @param file to be replaced
   * @param arrays parameters, inputs, targets
   * @throws IOException when the file cannot be written
   */
  public static void write(Path file, float[]... arrays) throws IOException {
    int length = Arrays.stream(arrays).mapToInt(array -> array.length).sum();
    ByteBuffer bytes = ByteBuffer.allocate(4 * length).order(ByteOrder.LITTLE_ENDIAN);
    Arrays.stream(arrays).forEach(bytes.asFloatBuffer()::put);
    Files.write(file, bytes.array());
  }
}
