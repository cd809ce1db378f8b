package dev.recall.job.spark.predict;

import java.io.IOException;
import java.nio.file.Path;

/** Both of what predict reads by itself, in one process: to start one takes longer than to run. */
public final class PredictFuzz {

  private PredictFuzz() {}

  /** Loads the classes, which would count as time of the first input. */
  public static void fuzzerInitialize() {
    ScoredModelFuzz.fuzzerInitialize();
    SequenceTextFuzz.fuzzerInitialize();
  }

  /** Fails where one of them does. */
  public static void fuzzerTestOneInput(byte[] input) {
    ScoredModelFuzz.fuzzerTestOneInput(input);
    SequenceTextFuzz.fuzzerTestOneInput(input);
  }

  /** Inputs of both. */
  public static void writeSeeds(Path folder) throws IOException {
    ScoredModelFuzz.writeSeeds(folder);
    SequenceTextFuzz.writeSeeds(folder);
  }
}
