package dev.recall.datagen;

/**
 * What a stream of random numbers is for. Streams of different purposes share no block.
 *
 * <p>The code of a constant is part of the address of its random numbers and never changes.
 */
public enum Purpose {
  /** Batches that gradients are taken on. */
  TRAINING(1),
  /** Held-out batches that stopping and the choice of parameters look at. */
  VALIDATION(2),
  /** Held-out batches for the final figures. */
  TEST(3),
  /** Initial parameters. */
  INITIALIZATION(4),
  /** Held-out batches on which models are compared. */
  JUDGEMENT(5);

  private final int code;

  Purpose(int code) {
    this.code = code;
  }

  /**
   * The code in the counter, independent of the order of the constants.
   *
   * @return a number in [0, 16)
   */
  public int code() {
    return code;
  }
}
