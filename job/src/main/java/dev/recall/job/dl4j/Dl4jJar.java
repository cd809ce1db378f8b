package dev.recall.job.dl4j;

import dev.recall.job.config.EngineKind;
import dev.recall.job.config.UserError;
import dev.recall.model.dl4j.Dl4jNatives;
import java.util.Optional;

/** The jar of profile dl4j. Can be asked for where it is not: nothing here names its classes. */
public final class Dl4jJar {

  private Dl4jJar() {}

  /**
   * Finds Deeplearning4j and its Spark module, or says how to get them.
   *
   * @throws UserError when they cannot run in this JVM
   */
  public static void check() {
    Optional<String> missing = Dl4jNatives.missing().or(Dl4jJar::missingMaster);
    if (missing.isPresent()) {
      throw new UserError(
          "training.strategy = dl4j-parameter-averaging: expected Deeplearning4j on the class path,"
              + " found that "
              + missing.get()
              + "; "
              + EngineKind.DL4J_JAR);
    }
  }

  private static Optional<String> missingMaster() {
    try {
      AveragingMaster.load();
      return Optional.empty();
    } catch (LinkageError e) {
      return Optional.of("its Spark module is not: " + e);
    }
  }
}
