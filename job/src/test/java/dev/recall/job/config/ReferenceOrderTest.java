package dev.recall.job.config;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class ReferenceOrderTest {

  @Test
  void listsEverySettingOnce() {
    assertThat(ReferenceOrder.keys())
        .doesNotHaveDuplicates()
        .containsExactlyInAnyOrderElementsOf(
            Configs.of().settings().stream().map(Setting::key).toList());
  }

  @Test
  void isThatOfTheFile() {
    assertThat(ReferenceOrder.keys())
        .startsWith("seed", "task.kind", "task.steps")
        .containsSubsequence(
            "training.optimizer.decay",
            "training.optimizer.decay-rounds",
            "training.optimizer.final-factor",
            "training.local-optimizer.decay-rounds",
            "validation.every-rounds",
            "stop.rounds")
        .containsSubsequence("report.every-rounds", "wait.storage-seconds", "spark.tasks")
        .endsWith("spark.tasks", "spark.min-executors", "spark.merge");
  }
}
