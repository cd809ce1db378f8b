package dev.recall.job.config;

/**
 * What of the configuration {@code training.strategy = dl4j-parameter-averaging} has no counterpart
 * for. It averages parameters and updater state and takes no step on the driver, its updaters have
 * no running mean or momentum beside the root mean square, and it decides on tasks by itself.
 */
final class AveragingRules {

  private static final String DRIVER = "training.optimizer.";
  private static final String WORKER = "training.local-optimizer.";

  private final Settings settings;

  private AveragingRules(Settings settings) {
    this.settings = settings;
  }

  /** Adds a problem for each setting that Deeplearning4j could only ignore. */
  static void check(Settings settings, boolean peepholes) {
    AveragingRules rules = new AveragingRules(settings);
    rules.is("training.engine", "fused", true, "fused: its workers have their own,");
    rules.driver();
    rules.worker(peepholes);
    rules.is("training.local-steps", "auto", false, "a number");
    rules.number("spark.tasks", 0);
    rules.is("spark.merge", "auto", true, "auto");
  }

  private void driver() {
    is(DRIVER + "algorithm", "sgd", true, "sgd, which at rate 1 is averaging alone,");
    number(DRIVER + "learning-rate", 1);
    number(DRIVER + "warm-up-rounds", 0);
    is(DRIVER + "decay", "constant", true, "constant");
    number(DRIVER + "momentum", 0);
    number(DRIVER + "clip-norm", 0);
    number(DRIVER + "clip-element", 0);
  }

  private void worker(boolean peepholes) {
    is(WORKER + "algorithm", "rmsprop", false, "rmsprop-plain or sgd");
    number(WORKER + "momentum", 0);
    if (settings.number(WORKER + "clip-norm", 0) == 0) {
      return;
    }
    is(WORKER + "clip-norm-of", "block", true, "block, or no clip-norm,");
    number(WORKER + "clip-element", 0); // it clips in one way
    if (peepholes) { // a layer's lie in one array with its recurrent weights
      number(WORKER + "clip-norm", 0);
    }
  }

  private void number(String key, double only) {
    if (settings.number(key, 0) != only) {
      settings.unfit(key, "%.0f".formatted(only) + because());
    }
  }

  /** Refuses what is not the value, or what is. */
  private void is(String key, String value, boolean wanted, String expected) {
    if (settings.text(key).strip().equals(value) != wanted) {
      settings.unfit(key, expected + because());
    }
  }

  private static String because() {
    return " with training.strategy = " + Strategy.DL4J_PARAMETER_AVERAGING.text();
  }
}
