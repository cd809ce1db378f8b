package dev.recall.model.dl4j;

import java.util.Optional;
import org.nd4j.linalg.factory.Nd4j;

/** Whether Deeplearning4j can run in this JVM. Can be asked without its jars. */
public final class Dl4jNatives {

  private Dl4jNatives() {}

  /**
   * Loads ND4J and its natives once per JVM and keeps them to one thread: two made small networks
   * ten times slower, and each task of Spark has a core of its own.
   *
   * @return why Deeplearning4j cannot run here, as a clause, or nothing when it can
   */
  public static Optional<String> missing() {
    return Loaded.MISSING;
  }

  private static final class Loaded {
    private static final Optional<String> MISSING = load();

    private static Optional<String> load() {
      try {
        OneThread.set();
        return Optional.empty();
      } catch (ExceptionInInitializerError e) {
        return Optional.of(
            "ND4J has no natives for "
                + System.getProperty("os.name")
                + " on "
                + System.getProperty("os.arch")
                + " on the class path: "
                + innermost(e));
      } catch (LinkageError e) {
        return Optional.of("Deeplearning4j is not on the class path: " + e);
      }
    }

    private static Throwable innermost(Throwable thrown) {
      Throwable cause = thrown;
      while (cause.getCause() != null) {
        cause = cause.getCause();
      }
      return cause;
    }
  }

  /** By itself, so that the JVM looks for ND4J only here. */
  private static final class OneThread {
    static void set() {
      Nd4j.getEnvironment().setMaxThreads(1);
      Nd4j.getEnvironment().setMaxMasterThreads(1);
      Nd4j.factory().blas().setMaxThreads(1);
    }
  }
}
