package dev.recall.datagen;

/** Argument checks whose messages give name, expected and found. */
final class Checks {

  private Checks() {}

  static void atLeast(String name, int value, int least) {
    if (value < least) {
      throw new IllegalArgumentException(
          "%s: expected at least %d, found %d".formatted(name, least, value));
    }
  }

  static void inRange(String name, int value, int least, int most) {
    if (value < least || value > most) {
      throw new IllegalArgumentException(
          "%s: expected in [%d, %d], found %d".formatted(name, least, most, value));
    }
  }

  /** The number of elements of an array [steps, batchSize, size], all at least 1. */
  static int elements(String name, int steps, int batchSize, int size) {
    int most = Integer.MAX_VALUE - 8;
    double found = (double) steps * batchSize * size;
    if (found > most) {
      throw new IllegalArgumentException(
          "%s [T=%d, B=%d, size=%d]: expected at most %d elements, found %.0f"
              .formatted(name, steps, batchSize, size, most, found));
    }
    return steps * batchSize * size;
  }

  static void shape(SequenceTask task, SequenceBatch batch) {
    if (batch.steps() != task.steps()
        || batch.batchSize() != task.batchSize()
        || batch.inputSize() != task.inputSize()
        || batch.targetSize() != task.targetSize()) {
      throw new IllegalArgumentException(
          "batch: expected [T=%d, B=%d, inputSize=%d, targetSize=%d], found %s"
              .formatted(
                  task.steps(),
                  task.batchSize(),
                  task.inputSize(),
                  task.targetSize(),
                  "[T=%d, B=%d, inputSize=%d, targetSize=%d]"
                      .formatted(
                          batch.steps(),
                          batch.batchSize(),
                          batch.inputSize(),
                          batch.targetSize())));
    }
  }

  static void slice(float[] out, int offset, int count) {
    if (offset < 0 || count < 0 || offset > out.length - count) {
      throw new IllegalArgumentException(
          "out: expected offset >= 0, count >= 0, offset + count <= %d, found offset %d, count %d"
              .formatted(out.length, offset, count));
    }
  }
}
