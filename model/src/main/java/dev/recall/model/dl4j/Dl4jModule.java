package dev.recall.model.dl4j;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Optional;
import java.util.Properties;

/**
 * A module of Deeplearning4j that training can rest on. Can be asked without its jar, and loads
 * neither its classes nor natives.
 */
public enum Dl4jModule {
  /** Layers and back-propagation. */
  NETWORKS("org.deeplearning4j", "deeplearning4j-nn"),
  /** Arrays. */
  ARRAYS("org.nd4j", "nd4j-api"),
  /** Parameter averaging. */
  SPARK("org.deeplearning4j", "dl4j-spark_2.12");

  private final String group;
  private final String artifact;

  Dl4jModule(String group, String artifact) {
    this.group = group;
    this.artifact = artifact;
  }

  /**
   * Returns its name.
   *
   * @return as in Maven, for example {@code nd4j-api}
   */
  public String artifact() {
    return artifact;
  }

  /**
   * Reads which one is on the class path, from what its build left there.
   *
   * @return its version, or nothing when it is not there or does not say
   */
  public Optional<String> version() {
    String place = "/org/eclipse/%s-%s-git.properties".formatted(group, artifact);
    try (InputStream in = Dl4jModule.class.getResourceAsStream(place)) {
      Properties build = new Properties();
      if (in != null) {
        build.load(in);
      }
      return Optional.ofNullable(build.getProperty("git.build.version"));
    } catch (IOException e) {
      throw new UncheckedIOException(place, e);
    }
  }
}
