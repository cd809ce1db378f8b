package dev.recall.model.recurrent;

import dev.recall.datagen.SequenceBatch;
import dev.recall.model.RegressorSpec;

/** Checks at the engines' doors; the loops behind them check nothing. */
final class Shapes {

  private Shapes() {}

  static void checkBatch(RegressorSpec spec, SequenceBatch batch) {
    check("batch input size", spec.inputSize(), batch.inputSize());
    check("batch target size", spec.outputSize(), batch.targetSize());
  }

  static void checkPrediction(
      RegressorSpec spec, float[] inputs, int steps, int batchSize, float[] outputs) {
    check("inputs length", steps * batchSize * spec.inputSize(), inputs.length);
    check("outputs length", steps * batchSize * spec.outputSize(), outputs.length);
  }

  static void check(String what, int expected, int found) {
    if (expected != found) {
      throw new IllegalArgumentException(what + ": expected " + expected + ", found " + found);
    }
  }
}
