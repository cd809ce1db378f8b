package dev.recall.datagen;

/**
 * The arithmetic of a {@link RandomStream}: words and Gaussians. All kernels give the same bits. A
 * kernel holds buffers and serves one thread.
 */
interface RandomKernel {
  /** Most blocks per call, and a quarter of the values. */
  int CHUNK = 64;

  /** Tells whether the machine's vectors are wide enough for this kernel to be the faster one. */
  boolean suitsThisMachine();

  /** Moves to the blocks of a key. */
  void open(BatchKey key);

  /**
   * Writes blocks [first, first + blocks) to words [0, 4 blocks). The words behind them may be
   * overwritten.
   *
   * @param blocks at most CHUNK
   * @param words [4 CHUNK]
   */
  void words(long first, int blocks, int[] words);

  /**
   * Words (2i, 2i + 1) become values (2i, 2i + 1). An odd count takes x of its last pair; both of
   * its words are read.
   *
   * @param words [4 CHUNK]
   * @param out written at [offset, offset + count)
   * @param count at most 4 CHUNK
   */
  void gaussians(int[] words, float[] out, int offset, int count);
}
