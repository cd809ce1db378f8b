package dev.recall.model.recurrent;

import dev.recall.model.RegressorSpec;

/**
 * Makes engines that need more than every Java 17 has; found by {@link java.util.ServiceLoader}.
 */
public interface EngineProvider {

  /**
   * Tells whether the machine's vectors are wide enough for the engine to be faster than {@link
   * PlainEngine}.
   *
   * @return true when it is worth using
   */
  boolean suitsThisMachine();

  /**
   * Makes an engine.
   *
   * @param spec the model
   * @return an engine with the bits of {@link PlainEngine}
   */
  FusedEngine create(RegressorSpec spec);
}
