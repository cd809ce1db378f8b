package dev.recall.job.spark.predict.parquet;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import org.apache.parquet.bytes.BytesInput;
import org.apache.parquet.bytes.BytesUtils;

/** Levels below 256 as run lengths, in Parquet's encoding RLE. */
final class RunLengths {

  private final ByteArrayOutputStream runs = new ByteArrayOutputStream();
  private int level;
  private int count; // of the run

  /** Adds some of a level. */
  void add(int level, int count) throws IOException {
    if (level != this.level) {
      endRun();
      this.level = level;
    }
    this.count += count;
  }

  private void endRun() throws IOException {
    if (count > 0) {
      BytesUtils.writeUnsignedVarInt(count << 1, runs);
      runs.write(level);
      count = 0;
    }
  }

  /** Returns all levels with their length before them, and begins again. */
  BytesInput take() throws IOException {
    endRun();
    BytesInput taken =
        BytesInput.concat(BytesInput.fromInt(runs.size()), BytesInput.from(runs.toByteArray()));
    runs.reset();
    return taken;
  }
}
