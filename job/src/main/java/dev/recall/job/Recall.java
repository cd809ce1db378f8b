package dev.recall.job;

import dev.recall.job.config.UserError;
import dev.recall.job.registry.ModelRegistry;
import dev.recall.job.registry.Step;
import dev.recall.job.store.Storage;
import java.util.Map;
import java.util.Objects;

/**
 * The model in service, in a JVM that has Hadoop's client, Jackson, slf4j and jcl-over-slf4j on its
 * class path; no Spark context is needed.
 *
 * <pre>
 * Recall recall = Recall.load("hdfs:///models", "memory");
 * float[] outputs = recall.model().predict(inputs, steps, batchSize);
 * recall.refresh(); // now and then: true when another version went into service
 * </pre>
 */
public final class Recall {

  private final ModelRegistry registry;
  private volatile ServedModel model;

  private Recall(ModelRegistry registry) {
    this.registry = registry;
    this.model = inService();
  }

  /**
   * Loads the model in service.
   *
   * @param registry directory of all models, on any Hadoop file system
   * @param name of the model
   * @return the model
   * @throws UserError when no version is in service or it is not whole
   * @throws java.io.UncheckedIOException when the file system does not give it
   */
  public static Recall load(String registry, String name) {
    return load(registry, name, Map.of());
  }

  /**
   * Loads the model in service.
   *
   * @param registry directory of all models, on any Hadoop file system
   * @param name of the model
   * @param hadoopSettings on top of Hadoop's configuration on the class path
   * @return the model
   * @throws UserError when no version is in service or it is not whole
   * @throws java.io.UncheckedIOException when the file system does not give it
   */
  public static Recall load(String registry, String name, Map<String, String> hadoopSettings) {
    return new Recall(ModelRegistry.open(new Storage(hadoopSettings), registry, name));
  }

  /** A version that is read while it goes has been replaced twice: then there is a newer one. */
  private ServedModel inService() {
    Step step = registry.now();
    while (true) {
      try {
        int version = step.inService().orElseGet(registry::versionInService);
        return ServedModel.read(registry, version);
      } catch (UserError e) {
        Step now = registry.now();
        if (Objects.equals(now.inService(), step.inService())) {
          throw e;
        }
        step = now;
      }
    }
  }

  /**
   * Returns the model; the same until {@link #refresh} finds another.
   *
   * @return a version
   */
  public ServedModel model() {
    return model;
  }

  /**
   * Looks whether another version is in service, and loads it. Any thread may, as often as a
   * promotion has to be noticed; it costs listing one directory and reading one small file.
   *
   * @return true when {@link #model} is another now
   * @throws UserError when it is not whole; the model is the same then
   * @throws java.io.UncheckedIOException when the file system does not give it; likewise
   */
  public synchronized boolean refresh() {
    if (registry.now().inService().orElse(0) == model.version()) {
      return false;
    }
    model = inService();
    return true;
  }
}
