package dev.recall.peers.dl4j;

import org.nd4j.linalg.factory.Nd4j;

/** The version of the jars, which only their names tell. */
final class Versions {

  private Versions() {}

  static String nd4j() {
    String jar = Nd4j.class.getProtectionDomain().getCodeSource().getLocation().getPath();
    return jar.replaceFirst(".*/nd4j-api-(.*)\\.jar", "$1");
  }
}
