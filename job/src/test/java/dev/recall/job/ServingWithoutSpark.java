package dev.recall.job;

import java.util.Arrays;

/** Somebody's server: it has Hadoop's client, Jackson, slf4j and jcl-over-slf4j, and no Spark. */
final class ServingWithoutSpark {

  private ServingWithoutSpark() {}

  /** Prints the outputs of the model in service for {@link #inputs}. */
  public static void main(String[] args) {
    ServedModel model = Recall.load(args[0], args[1]).model();
    System.out.println(model.version() + " " + Arrays.toString(model.predict(inputs(), 6, 2)));
  }

  /** Two sequences of six steps. */
  static float[] inputs() {
    float[] inputs = new float[6 * 2];
    for (int i = 0; i < inputs.length; i++) {
      inputs[i] = (i - 5) / 4f;
    }
    return inputs;
  }
}
