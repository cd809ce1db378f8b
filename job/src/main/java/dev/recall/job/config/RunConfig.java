package dev.recall.job.config;

import dev.recall.datagen.SequenceTask;
import dev.recall.model.Initializer;
import dev.recall.model.RegressorSpec;
import java.math.BigDecimal;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/**
 * The effective configuration of a run, checked.
 *
 * @param seed run seed
 * @param task makes the batches
 * @param model the network
 * @param initializer draws the first parameters
 * @param training how a round is computed
 * @param validation when to validate
 * @param stop when to end
 * @param checkpoint when to save
 * @param waits how long anything is waited for
 * @param retrain how a challenger is made and judged
 * @param evaluationBatches held-out batches of the final figures
 * @param reportEveryRounds rounds between progress lines
 * @param spark what is asked of Spark
 * @param settings every key with its value and origin, sorted by key
 */
public record RunConfig(
    long seed,
    SequenceTask task,
    RegressorSpec model,
    Initializer initializer,
    TrainingConfig training,
    ValidationConfig validation,
    StopConfig stop,
    CheckpointConfig checkpoint,
    WaitConfig waits,
    RetrainConfig retrain,
    int evaluationBatches,
    int reportEveryRounds,
    SparkConfig spark,
    List<Setting> settings) {

  /** Key prefixes that decide the bits of a run's parameters and of its metrics round by round. */
  private static final List<String> EXACT =
      List.of("seed", "task.", "model.", "training.", "validation.");

  /** Whole numbers with more zeros at their end are not written out. */
  private static final int MOST_ZEROS = 30;

  /** What a result with early stopping depends on besides. */
  private static final List<String> PATIENCE = List.of("stop.patience", "stop.min-improvement");

  /**
   * Returns the effective configuration as text that {@link ConfigLoader} reads back.
   *
   * @return one {@code key = value} line per setting
   */
  public String text() {
    return settings.stream()
        .map(setting -> setting.key() + " = " + setting.value() + "\n")
        .collect(Collectors.joining());
  }

  /**
   * Returns the settings that decide the bits of a run, numbers in one notation.
   *
   * @return one {@code key = value} line per setting, sorted by key
   */
  public String bindingText() {
    return settings.stream()
        .filter(setting -> binds(setting.key(), stop.patience() > 0))
        .filter(setting -> !isWhatOlderRunsHave(setting.key()))
        .map(setting -> setting.key() + " = " + plain(setting.value()) + "\n")
        .collect(Collectors.joining());
  }

  /** Runs from before there was a choice are bound by the same text as those since. */
  private boolean isWhatOlderRunsHave(String key) {
    return switch (key) {
      case "training.engine" -> training.engine() == EngineKind.FUSED;
      case "training.strategy" -> training.strategy() == Strategy.ROUNDS;
      default -> false;
    };
  }

  private static boolean binds(String key, boolean patience) {
    return EXACT.stream().anyMatch(key::startsWith)
        || (patience && PATIENCE.stream().anyMatch(key::startsWith));
  }

  /**
   * Says in which settings another configuration differs.
   *
   * @param other the other configuration
   * @return a line per differing key, naming both values
   */
  public List<String> changes(RunConfig other) {
    return differing(other, key -> true).values().stream().map(this::against).toList();
  }

  /**
   * Lists the settings that decide the bits of a run and in which another configuration differs.
   *
   * @param other the other configuration
   * @return the other's settings by key
   */
  public Map<String, Setting> bindingChanges(RunConfig other) {
    boolean patience = stop.patience() > 0 || other.stop.patience() > 0;
    return differing(other, key -> binds(key, patience));
  }

  private Map<String, Setting> differing(RunConfig other, Predicate<String> keys) {
    Map<String, Setting> theirs = byKey(other);
    Map<String, Setting> changes = new LinkedHashMap<>();
    for (Setting setting : settings) {
      Setting found = theirs.get(setting.key());
      if (keys.test(setting.key()) && !plain(setting.value()).equals(plain(found.value()))) {
        changes.put(setting.key(), found);
      }
    }
    return changes;
  }

  /**
   * Says in which settings a continuation differs from the run that it goes on with, of those in
   * which it must not.
   *
   * @param other the other configuration
   * @return a line per differing key, naming both values
   */
  public List<String> exactnessConflicts(RunConfig other) {
    return bindingChanges(other).values().stream().map(this::against).toList();
  }

  private String against(Setting found) {
    return found.origin()
        + ": "
        + found.key()
        + ": the run has "
        + byKey(this).get(found.key()).value()
        + ", found "
        + found.value();
  }

  private static Map<String, Setting> byKey(RunConfig config) {
    Map<String, Setting> byKey = new LinkedHashMap<>();
    config.settings.forEach(setting -> byKey.put(setting.key(), setting));
    return byKey;
  }

  /** 3e-3 and 0.003 are the same. Not decimal: the shortest text of a double depends on the JDK. */
  private static String plain(String value) {
    try {
      BigDecimal number = new BigDecimal(value).stripTrailingZeros();
      boolean whole = number.scale() <= 0 && number.scale() >= -MOST_ZEROS;
      return whole ? number.toBigInteger().toString() : Double.toHexString(number.doubleValue());
    } catch (NumberFormatException e) {
      return value;
    }
  }
}
