package dev.recall.job.config;

import dev.recall.model.GradientEngine;
import dev.recall.model.RegressorSpec;
import dev.recall.model.dl4j.Dl4jEngine;
import dev.recall.model.dl4j.Dl4jNatives;
import dev.recall.model.recurrent.Engines;
import java.util.Optional;

/** What takes the gradients of training, by the names that the configuration uses. */
public enum EngineKind {
  /** The engine of this project: the same bits on every machine. */
  FUSED {
    @Override
    GradientEngine create(RegressorSpec model) {
      return Engines.create(model);
    }

    @Override
    public String description() {
      return Engines.description();
    }

    @Override
    public Optional<String> missing() {
      return Optional.empty();
    }
  },

  /** Deeplearning4j's layers; needs its jar. */
  DL4J {
    @Override
    GradientEngine create(RegressorSpec model) {
      return new Dl4jEngine(model);
    }

    @Override
    public String description() {
      return "engine of Deeplearning4j, with bits that depend on its natives and the CPU";
    }

    @Override
    public Optional<String> missing() {
      return Dl4jNatives.missing()
          .map(
              reason ->
                  "training.engine: expected fused, or the jar of Deeplearning4j for dl4j ("
                      + DL4J_JAR
                      + "), found dl4j, and "
                      + reason);
    }
  };

  /** Where Deeplearning4j comes from, for messages. */
  public static final String DL4J_JAR =
      "`mvn -Pdl4j -DskipTests package` builds job/target/recall-dl4j.jar, which deploy/bin/recall"
          + " takes where settings on this machine name dl4j; else give it with --jars";

  abstract GradientEngine create(RegressorSpec model);

  /**
   * Says what the engine is.
   *
   * @return a clause for the log
   */
  public abstract String description();

  /**
   * Tells whether the engine can run in this JVM.
   *
   * @return what is missing and where it comes from, or nothing
   */
  public abstract Optional<String> missing();

  /** Refuses an engine that cannot run in this JVM, before anything is begun with it. */
  public void check() {
    missing()
        .ifPresent(
            message -> {
              throw new UserError(message);
            });
  }

  /**
   * Makes an engine.
   *
   * @param model the network
   * @return an engine with its own buffers
   * @throws UserError when it cannot run in this JVM
   */
  public GradientEngine engine(RegressorSpec model) {
    check();
    return create(model);
  }
}
