package dev.recall.model.recurrent;

import dev.recall.model.RegressorSpec;
import jdk.incubator.vector.FloatVector;

/** Makes {@link VectorEngine}s; loaded only where the Vector API is there. */
public final class VectorEngineProvider implements EngineProvider {

  /** Creates the provider; called by {@link java.util.ServiceLoader}. */
  public VectorEngineProvider() {}

  @Override
  public boolean suitsThisMachine() {
    return VectorMath.SPECIES.length() <= FloatVector.SPECIES_MAX.length();
  }

  @Override
  public FusedEngine create(RegressorSpec spec) {
    return new VectorEngine(spec);
  }
}
