package dev.recall.datagen;

/** The kernel that runs on every Java 17. */
final class PlainKernel implements RandomKernel {
  private final PhiloxBlocks blocks = new PhiloxBlocks();
  private final BoxMuller boxMuller = new BoxMuller();

  @Override
  public boolean suitsThisMachine() {
    return true;
  }

  @Override
  public void open(BatchKey key) {
    blocks.open(key);
  }

  @Override
  public void words(long first, int count, int[] words) {
    blocks.fill(first, count, words);
  }

  @Override
  public void gaussians(int[] words, float[] out, int offset, int count) {
    boxMuller.transform(words, out, offset, count);
  }
}
