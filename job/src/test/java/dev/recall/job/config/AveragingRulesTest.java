package dev.recall.job.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What {@code training.strategy} refuses, and what it binds. */
class AveragingRulesTest {

  private static final String STRATEGY = "training.strategy=dl4j-parameter-averaging";

  private static List<String> problems(String... assignments) {
    InvalidConfig e =
        catchThrowableOfType(
            InvalidConfig.class, () -> ConfigLoader.load(List.of(), List.of(assignments)));
    return e.getMessage().lines().toList();
  }

  @Test
  void everySettingThatDeeplearning4jCouldOnlyIgnoreIsRefusedAtOnce() {
    List<String> problems =
        problems(
            STRATEGY,
            "training.local-steps=auto",
            "training.optimizer.warm-up-rounds=2",
            "training.optimizer.decay=cosine",
            "training.optimizer.momentum=0.9",
            "training.optimizer.clip-norm=1",
            "training.optimizer.clip-element=1",
            "training.local-optimizer.clip-norm-of=all",
            "training.local-optimizer.clip-element=0.5",
            "spark.tasks=3",
            "spark.merge=driver");
    assertThat(problems)
        .allMatch(problem -> problem.contains(" with " + STRATEGY.replace("=", " = ")));
    assertThat(problems.stream().map(AveragingRulesTest::key))
        .containsExactlyInAnyOrder(
            "training.optimizer.algorithm",
            "training.optimizer.learning-rate",
            "training.optimizer.warm-up-rounds",
            "training.optimizer.decay",
            "training.optimizer.momentum",
            "training.optimizer.clip-norm",
            "training.optimizer.clip-element",
            "training.local-optimizer.algorithm",
            "training.local-optimizer.momentum",
            "training.local-optimizer.clip-norm-of",
            "training.local-optimizer.clip-norm",
            "training.local-optimizer.clip-element",
            "training.local-steps",
            "spark.tasks",
            "spark.merge");
    assertThat(problems)
        .contains(
            "--set spark.tasks=3: spark.tasks: expected 0 with training.strategy ="
                + " dl4j-parameter-averaging, found 3");
  }

  private static String key(String problem) {
    return Arrays.stream(problem.split(": "))
        .filter(part -> part.matches("(training|spark)\\.[a-z.-]+"))
        .findFirst()
        .orElse(problem);
  }

  @Test
  void theDefaultStrategyBindsNothingSoThatOlderRunsGoOn() throws InvalidConfig {
    RunConfig now = ConfigLoader.load(List.of(), List.of());
    String older = now.text().replaceAll("(?m)^training\\.strategy = .*\n", "");
    assertThat(older).hasSizeLessThan(now.text().length());
    RunConfig before =
        ConfigLoader.load(List.of(ConfigSource.stored("config.conf", older)), List.of());
    assertThat(before.bindingText())
        .isEqualTo(now.bindingText())
        .contains("training.shards")
        .doesNotContain("training.strategy");
    assertThat(before.bindingChanges(now)).isEmpty();
  }

  @Test
  void theOtherStrategyBinds() {
    RunConfig rounds =
        Configs.small(
            "training.optimizer.algorithm=sgd",
            "training.optimizer.learning-rate=1",
            "training.optimizer.decay=constant",
            "training.optimizer.momentum=0",
            "training.local-optimizer.algorithm=sgd",
            "training.local-optimizer.momentum=0",
            "training.local-optimizer.clip-norm=0");
    RunConfig averaging = withStrategy(rounds);
    assertThat(averaging.bindingText())
        .contains("training.strategy = \"dl4j-parameter-averaging\"\n");
    assertThat(rounds.bindingChanges(averaging)).containsOnlyKeys("training.strategy");
  }

  private static RunConfig withStrategy(RunConfig config) {
    try {
      ConfigSource source = ConfigSource.stored("config.conf", config.text());
      return ConfigLoader.load(List.of(source), List.of(STRATEGY));
    } catch (InvalidConfig e) {
      throw new AssertionError(e);
    }
  }
}
