package dev.recall.model;

import dev.recall.datagen.BatchKey;
import dev.recall.datagen.Purpose;
import dev.recall.datagen.SequenceBatch;
import dev.recall.datagen.SequenceTask;

/**
 * How well parameters do on held-out batches.
 *
 * @param loss weighted mean squared error over all steps
 * @param floor the same loss of the best possible predictor on the same sequences; its expectation
 *     is {@link SequenceTask#bayesLoss}
 * @param recallMse mean squared error over the last {@link SequenceTask#recallSteps} steps
 * @param sequences number of sequences
 */
public record Evaluation(double loss, double floor, double recallMse, long sequences) {

  /**
   * Evaluates on the batches (purpose, round, shard 0..batches-1, step 0), one after the other.
   *
   * @param predictor runs the network
   * @param parameters flat parameters
   * @param task makes the batches
   * @param seed run seed
   * @param purpose which held-out stream
   * @param round which set of batches of that stream
   * @param batches number of batches, at least 1
   * @return the figures, the same bits for the same arguments
   */
  public static Evaluation of(
      Predictor predictor,
      float[] parameters,
      SequenceTask task,
      long seed,
      Purpose purpose,
      int round,
      int batches) {
    if (batches < 1) {
      throw new IllegalArgumentException("batches: expected at least 1, found " + batches);
    }
    SequenceBatch batch = task.newBatch();
    float[] outputs = new float[batch.targets().length];
    Sums sums = new Sums();
    for (int shard = 0; shard < batches; shard++) {
      task.generate(new BatchKey(seed, purpose, round, shard, 0), batch);
      predictor.predict(parameters, batch.inputs(), batch.steps(), batch.batchSize(), outputs);
      sums.add(task, batch, outputs);
    }
    return sums.evaluation((long) batches * batch.batchSize());
  }

  /**
   * Evaluates outputs for one batch, wherever it came from.
   *
   * @param task knows which steps count as recall
   * @param batch targets and weights
   * @param outputs [T, B, targetSize]
   * @return the figures
   */
  public static Evaluation of(SequenceTask task, SequenceBatch batch, float[] outputs) {
    Sums sums = new Sums();
    sums.add(task, batch, outputs);
    return sums.evaluation(batch.batchSize());
  }

  /**
   * Returns the loss above what noise in the targets makes unavoidable on these sequences.
   *
   * @return loss - floor
   */
  public double lossAboveFloor() {
    return loss - floor;
  }

  private static final class Sums {
    private double loss;
    private double floor;
    private double weight;
    private double recall;
    private long recallValues;

    void add(SequenceTask task, SequenceBatch batch, float[] outputs) {
      float[] best = new float[outputs.length];
      task.bestPrediction(batch, best);
      int recallFrom = outputs.length / batch.steps() * (batch.steps() - task.recallSteps());
      for (int i = 0; i < outputs.length; i++) {
        double target = batch.targets()[i];
        double error = outputs[i] - target;
        double noise = best[i] - target;
        double w = batch.weights()[i];
        loss += w * error * error;
        floor += w * noise * noise;
        weight += w;
        if (i >= recallFrom) {
          recall += error * error;
          recallValues++;
        }
      }
    }

    Evaluation evaluation(long sequences) {
      return new Evaluation(loss / weight, floor / weight, recall / recallValues, sequences);
    }
  }
}
