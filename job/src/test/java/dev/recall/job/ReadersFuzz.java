package dev.recall.job;

import dev.recall.job.config.ConfigFuzz;
import dev.recall.job.spark.predict.ScoredModelFuzz;
import dev.recall.job.spark.predict.SequenceTextFuzz;
import dev.recall.job.store.CheckpointFuzz;
import dev.recall.job.store.StartFileFuzz;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Every reader of what others wrote, in one process: to start one takes longer than to run. */
public final class ReadersFuzz {

  private ReadersFuzz() {}

  /** Loads the classes, which would count as time of the first input. */
  public static void fuzzerInitialize() {
    CheckpointFuzz.fuzzerInitialize();
    StartFileFuzz.fuzzerInitialize();
    ConfigFuzz.fuzzerInitialize();
    Dl4jZipFuzz.fuzzerInitialize();
    ScoredModelFuzz.fuzzerInitialize();
    SequenceTextFuzz.fuzzerInitialize();
  }

  /** Fails where one of them does. */
  public static void fuzzerTestOneInput(byte[] input) {
    CheckpointFuzz.fuzzerTestOneInput(input);
    StartFileFuzz.fuzzerTestOneInput(input);
    ConfigFuzz.fuzzerTestOneInput(input);
    Dl4jZipFuzz.fuzzerTestOneInput(input);
    ScoredModelFuzz.fuzzerTestOneInput(input);
    SequenceTextFuzz.fuzzerTestOneInput(input);
  }

  /** Inputs of all, in a folder for each. */
  public static void writeSeeds(Path folder) throws IOException {
    CheckpointFuzz.writeSeeds(Files.createDirectories(folder.resolve("checkpoint")));
    StartFileFuzz.writeSeeds(Files.createDirectories(folder.resolve("start")));
    ConfigFuzz.writeSeeds(Files.createDirectories(folder.resolve("config")));
    Dl4jZipFuzz.writeSeeds(Files.createDirectories(folder.resolve("dl4j")));
    ScoredModelFuzz.writeSeeds(Files.createDirectories(folder.resolve("model")));
    SequenceTextFuzz.writeSeeds(Files.createDirectories(folder.resolve("text")));
  }
}
