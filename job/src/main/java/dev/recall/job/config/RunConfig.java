package dev.recall.job.config;

import dev.recall.datagen.SequenceTask;
import dev.recall.model.Initializer;
import dev.recall.model.RegressorSpec;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
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
 * @param evaluationBatches held-out batches of the final figures
 * @param reportEveryRounds rounds between progress lines
 * @param sparkTasks tasks per round; 0: Spark's default parallelism
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
    int evaluationBatches,
    int reportEveryRounds,
    int sparkTasks,
    List<Setting> settings) {

  /** Key prefixes that decide the bits of a run's parameters round by round. */
  private static final List<String> EXACT = List.of("seed", "task.", "model.", "training.");

  /** What a result with early stopping depends on besides. */
  private static final List<String> PATIENCE =
      List.of("validation.", "stop.patience", "stop.min-improvement");

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
   * Lists the settings in which a continuation must not differ from the run that it goes on with.
   *
   * @param other the other configuration
   * @return a line per differing key, naming both values
   */
  public List<String> exactnessConflicts(RunConfig other) {
    Map<String, Setting> theirs = new LinkedHashMap<>();
    other.settings.forEach(setting -> theirs.put(setting.key(), setting));
    boolean patience = stop.patience() > 0 || other.stop.patience() > 0;
    List<String> conflicts = new ArrayList<>();
    for (Setting setting : settings) {
      Setting found = theirs.get(setting.key());
      boolean exact =
          EXACT.stream().anyMatch(setting.key()::startsWith)
              || (patience && PATIENCE.stream().anyMatch(setting.key()::startsWith));
      if (exact && !sameValue(setting.value(), found.value())) {
        conflicts.add(
            found.origin()
                + ": "
                + setting.key()
                + ": the run has "
                + setting.value()
                + ", found "
                + found.value());
      }
    }
    return conflicts;
  }

  /** 3e-3 and 0.003 are the same. */
  private static boolean sameValue(String a, String b) {
    try {
      return new BigDecimal(a).compareTo(new BigDecimal(b)) == 0;
    } catch (NumberFormatException e) {
      return a.equals(b);
    }
  }
}
