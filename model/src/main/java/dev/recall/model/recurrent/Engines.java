package dev.recall.model.recurrent;

import dev.recall.model.RegressorSpec;
import java.util.Optional;
import java.util.ServiceLoader;

/**
 * Chooses the engine: the Vector API's where the JVM was started with it, else the plain one. Both
 * give the same bits.
 */
public final class Engines {

  private static final String MODULE = "jdk.incubator.vector";

  private Engines() {}

  /**
   * Makes the fastest engine that this JVM can run.
   *
   * @param spec the model
   * @return an engine with its own buffers
   */
  public static FusedEngine create(RegressorSpec spec) {
    return Fastest.PROVIDER
        .map(provider -> provider.create(spec))
        .orElseGet(() -> new PlainEngine(spec));
  }

  /**
   * Says which engine {@link #create} makes, and what is missing for a faster one.
   *
   * @return a clause for the log
   */
  public static String description() {
    if (Fastest.PROVIDER.isPresent()) {
      return "vector engine (" + MODULE + ")";
    }
    return hasModule()
        ? "plain engine; this machine's vectors hold fewer than eight floats"
        : "plain engine, several times slower; the JVM lacks --add-modules " + MODULE;
  }

  private static boolean hasModule() {
    return ModuleLayer.boot().findModule(MODULE).isPresent();
  }

  /** Looks once per JVM, and not before the module is known to be there. */
  private static final class Fastest {
    private static final Optional<EngineProvider> PROVIDER =
        hasModule()
            ? ServiceLoader.load(EngineProvider.class, Engines.class.getClassLoader())
                .findFirst()
                .filter(EngineProvider::suitsThisMachine)
            : Optional.empty();
  }
}
