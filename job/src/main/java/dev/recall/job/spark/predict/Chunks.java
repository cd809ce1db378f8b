package dev.recall.job.spark.predict;

import dev.recall.model.Predictor;
import dev.recall.model.RegressorSpec;
import dev.recall.model.recurrent.Engines;

/**
 * Runs sequences of different lengths through the engine, many at a time.
 *
 * <p>Note to the maintainer. Sequences of like lengths go through together, the shorter ones with
 * zeros behind their end. This cannot change their outputs: the engine computes each lane by itself
 * in one written order, whatever the other lanes hold, and an output at a step depends on no later
 * step. So a prediction has the same bits alone and in any company; the tests hold it to that.
 */
final class Chunks {

  /** Sequences per call: so few that inputs and outputs of short ones stay in the cache. */
  private static final int MOST = 256;

  /** Inputs or outputs per call; a sequence that has more goes through alone. */
  private static final int MOST_VALUES = 1 << 20;

  private final RegressorSpec spec;
  private final float[] parameters;
  private final Predictor predictor;
  private float[] inputs = {}; // [T, B, inputSize] of a chunk
  private float[] outputs = {}; // [T, B, outputSize]
  private int batchSize; // B

  Chunks(RegressorSpec spec, float[] parameters) {
    this.spec = spec;
    this.parameters = parameters;
    this.predictor = Engines.create(spec);
  }

  /** Receives the outputs of a sequence. */
  interface Receiver {
    /**
     * Takes the outputs: those of step t begin in the array at {@code from + t * stride}.
     *
     * @param sequence its index
     * @param outputs of the chunk, valid during the call
     */
    void take(int sequence, float[] outputs, int from, int stride);
  }

  /**
   * Runs sequences.
   *
   * @param order indices of the sequences, by falling length
   * @param count how many there are in the order
   * @param steps length of each sequence, by index
   * @param starts where each begins in the values, by index
   * @param values [steps of all sequences, inputSize]
   */
  void run(int[] order, int count, int[] steps, int[] starts, float[] values, Receiver receiver) {
    for (int first = 0; first < count; ) {
      int end = end(order, first, count, steps);
      forward(order, first, end, steps, starts, values);
      for (int at = first; at < end; at++) {
        receiver.take(
            order[at], outputs, (at - first) * spec.outputSize(), batchSize * spec.outputSize());
      }
      first = end;
    }
  }

  /** A chunk ends where more than half of it would be zeros behind the ends of sequences. */
  private int end(int[] order, int first, int count, int[] steps) {
    long longest = steps[order[first]];
    long room = MOST_VALUES / (longest * Math.max(spec.inputSize(), spec.outputSize()));
    long most = Math.max(1, Math.min(MOST, room));
    long used = 0;
    int end = first;
    while (end < count && end - first < most) {
      used += steps[order[end]];
      if (2 * used < longest * (end - first + 1)) {
        break;
      }
      end++;
    }
    return end;
  }

  private void forward(int[] order, int first, int end, int[] steps, int[] starts, float[] values) {
    int longest = steps[order[first]];
    int size = spec.inputSize();
    batchSize = end - first;
    if (inputs.length != longest * batchSize * size) {
      inputs = new float[longest * batchSize * size];
      outputs = new float[longest * batchSize * spec.outputSize()];
    }
    int stride = batchSize * size;
    for (int b = 0; b < batchSize; b++) {
      int from = starts[order[first + b]];
      int used = steps[order[first + b]];
      for (int k = 0; k < size; k++) {
        int to = b * size + k;
        for (int t = 0; t < used; t++) {
          inputs[to + t * stride] = values[from + t * size + k];
        }
        for (int t = used; t < longest; t++) {
          inputs[to + t * stride] = 0;
        }
      }
    }
    predictor.predict(parameters, inputs, longest, batchSize, outputs);
  }
}
