package dev.recall.model;

import dev.recall.datagen.BatchKey;
import dev.recall.datagen.Purpose;
import dev.recall.datagen.SequenceBatch;
import dev.recall.datagen.SequenceTask;

/** The loss of each held-out sequence by itself, for comparing models on the same sequences. */
public final class SequenceLosses {

  private SequenceLosses() {}

  /**
   * Which sequences.
   *
   * @param task makes the batches
   * @param seed of their random numbers
   * @param purpose which held-out stream
   * @param round which set of batches of that stream
   * @param batches number of batches, at least 1
   */
  public record Sequences(SequenceTask task, long seed, Purpose purpose, int round, int batches) {

    /**
     * Returns how many they are.
     *
     * @return batches x batch size
     */
    public int count() {
      return batches * task.batchSize();
    }
  }

  /** Fills outputs [T, B, targetSize] for a batch. */
  private interface Outputs {
    void fill(SequenceBatch batch, float[] outputs);
  }

  /**
   * Takes a model's losses.
   *
   * @param predictor runs the network
   * @param parameters flat parameters
   * @param sequences on which
   * @return [sequences], each the weighted mean squared error over its steps
   */
  public static double[] of(Predictor predictor, float[] parameters, Sequences sequences) {
    return of(
        sequences,
        (batch, outputs) ->
            predictor.predict(
                parameters, batch.inputs(), batch.steps(), batch.batchSize(), outputs));
  }

  /**
   * Takes the losses of the best possible predictor.
   *
   * @param sequences on which
   * @return [sequences]
   */
  public static double[] floors(Sequences sequences) {
    return of(sequences, sequences.task()::bestPrediction);
  }

  private static double[] of(Sequences sequences, Outputs model) {
    SequenceTask task = sequences.task();
    SequenceBatch batch = task.newBatch();
    float[] outputs = new float[batch.targets().length];
    double[] losses = new double[sequences.count()];
    for (int shard = 0; shard < sequences.batches(); shard++) {
      BatchKey key =
          new BatchKey(sequences.seed(), sequences.purpose(), sequences.round(), shard, 0);
      task.generate(key, batch);
      model.fill(batch, outputs);
      addBatch(batch, outputs, losses, shard * batch.batchSize());
    }
    return losses;
  }

  private static void addBatch(SequenceBatch batch, float[] outputs, double[] losses, int from) {
    int features = batch.targetSize();
    for (int lane = 0; lane < batch.batchSize(); lane++) {
      double loss = 0;
      double weight = 0;
      for (int step = 0; step < batch.steps(); step++) {
        int at = (step * batch.batchSize() + lane) * features;
        for (int i = at; i < at + features; i++) {
          double error = (double) outputs[i] - batch.targets()[i];
          loss += batch.weights()[i] * error * error;
          weight += batch.weights()[i];
        }
      }
      losses[from + lane] = loss / weight;
    }
  }
}
