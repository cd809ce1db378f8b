package dev.recall.job.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.recall.datagen.Purpose;
import dev.recall.job.config.Configs;
import dev.recall.job.config.RetrainConfig;
import dev.recall.job.config.RunConfig;
import dev.recall.job.train.LocalRounds;
import dev.recall.job.train.ShardPlan;
import dev.recall.job.train.Trainer;
import dev.recall.job.train.TrainingState;
import dev.recall.model.SequenceLosses;
import dev.recall.model.SequenceLosses.Sequences;
import dev.recall.model.recurrent.Engines;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Counts of decisions, on models that were trained for it. */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class JudgementTest {

  private static final int TRIALS = 200;
  private static final int BATCHES = 24;

  private static final String[] LEARNS = {
    "task.steps=6",
    "task.remember=1",
    "task.batch-size=32",
    "model.layers=[1, (lstm, 4), 1]",
    "training.shards=2",
    "training.local-steps=8",
    "validation.every-rounds=0",
    "stop.rounds=60"
  };

  private RunConfig config;
  private float[] champion;

  private static RetrainConfig rule(double confidence, double minImprovement) {
    return new RetrainConfig(RetrainConfig.Start.CHAMPION, BATCHES, confidence, minImprovement, 60);
  }

  private static float[] trained(RunConfig config) {
    TrainingState state =
        TrainingState.initial(
            config, config.initializer().initialize(config.model(), config.seed()));
    try (LocalRounds rounds = new LocalRounds(ShardPlan.of(config), 1)) {
      new Trainer(config, List.of()).train(state, rounds);
    } catch (IOException e) {
      throw new IllegalStateException("nobody writes", e);
    }
    return state.parameters();
  }

  @BeforeAll
  void train() {
    config = Configs.of(LEARNS);
    champion = trained(config);
  }

  private Sequences sequences(int version) {
    return new Sequences(config.task(), config.seed(), Purpose.JUDGEMENT, version, BATCHES);
  }

  private double[] losses(float[] parameters, int version) {
    return SequenceLosses.of(Engines.create(config.model()), parameters, sequences(version));
  }

  private Judgement judged(float[] challenger, int version, RetrainConfig rule) {
    return Judgement.of(
        losses(champion, version),
        losses(challenger, version),
        SequenceLosses.floors(sequences(version)),
        rule);
  }

  private static float[] noisy(float[] parameters, double scale, Random random) {
    float[] other = parameters.clone();
    for (int i = 0; i < other.length; i++) {
      other[i] += (float) (scale * random.nextGaussian());
    }
    return other;
  }

  @ParameterizedTest
  @CsvSource({"0.03", "0.1", "1"})
  void aChallengerWithNoiseInItsParametersIsNeverPromoted(double scale) {
    Random random = new Random(1);
    int promoted = 0;
    for (int trial = 0; trial < TRIALS; trial++) {
      promoted += judged(noisy(champion, scale, random), trial, rule(0.99, 0)).promotes() ? 1 : 0;
    }
    System.out.printf("noise %s: %d of %d promoted%n", scale, promoted, TRIALS);
    assertThat(promoted).isZero();
  }

  @ParameterizedTest
  @CsvSource({"stop.rounds=10", "training.local-optimizer.learning-rate=1e-5"})
  void aChallengerThatWasTrainedBadlyIsNeverPromoted(String setting) {
    String[] bad = Arrays.copyOf(LEARNS, LEARNS.length + 1);
    bad[LEARNS.length] = setting;
    float[] challenger = trained(Configs.of(bad));
    int promoted = 0;
    for (int trial = 0; trial < TRIALS; trial++) {
      promoted += judged(challenger, trial, rule(0.99, 0)).promotes() ? 1 : 0;
    }
    System.out.printf("%s: %d of %d promoted%n", setting, promoted, TRIALS);
    assertThat(promoted).isZero();
  }

  @Test
  void anIdenticalChallengerIsNeverPromoted() {
    int promoted = 0;
    for (int trial = 0; trial < TRIALS; trial++) {
      Judgement judgement = judged(champion.clone(), trial, rule(0.5, 0));
      promoted += judgement.promotes() ? 1 : 0;
      assertThat(judgement.lowerBound()).isZero();
    }
    System.out.printf("identical: %d of %d promoted%n", promoted, TRIALS);
    assertThat(promoted).isZero();
  }

  /**
   * Real differences of two models, each with a sign drawn by lot: neither is better. The bound is
   * the expected count and four standard deviations of a binomial.
   */
  @ParameterizedTest
  @CsvSource({"0.95, 2000", "0.99, 2000"})
  void aChallengerThatIsNoBetterIsPromotedNoMoreOftenThanStated(double confidence, int trials) {
    Random random = new Random(2);
    double[] one = losses(champion, 0);
    double[] other = losses(noisy(champion, 0.03, random), 0);
    double[] floors = SequenceLosses.floors(sequences(0));
    int promoted = 0;
    for (int trial = 0; trial < trials; trial++) {
      double[] first = one.clone();
      double[] second = other.clone();
      for (int i = 0; i < first.length; i++) {
        if (random.nextBoolean()) {
          first[i] = other[i];
          second[i] = one[i];
        }
      }
      promoted += Judgement.of(first, second, floors, rule(confidence, 0)).promotes() ? 1 : 0;
    }
    double expected = trials * (1 - confidence);
    System.out.printf(
        "no better, confidence %s: %d of %d promoted, stated at most %.0f%n",
        confidence, promoted, trials, expected);
    assertThat((double) promoted)
        .isLessThan(expected + 4 * Math.sqrt(expected * confidence))
        .isPositive();
  }

  @Test
  void aClearlyBetterChallengerIsAlwaysPromoted() {
    float[] better = champion;
    champion = noisy(champion, 0.3, new Random(3));
    int promoted = 0;
    try {
      for (int trial = 0; trial < TRIALS; trial++) {
        promoted += judged(better, trial, rule(0.99, 0.01)).promotes() ? 1 : 0;
      }
    } finally {
      champion = better;
    }
    System.out.printf("clearly better: %d of %d promoted%n", promoted, TRIALS);
    assertThat(promoted).isEqualTo(TRIALS);
  }

  @Test
  void theMarginIsAShareOfTheChampionsLossAboveTheFloor() {
    double[] champion = new double[1000];
    double[] challenger = new double[1000];
    double[] floors = new double[1000];
    for (int i = 0; i < 1000; i++) {
      floors[i] = 0.5;
      champion[i] = 1.5 + i % 2;
      challenger[i] = champion[i] - 0.1 - (i % 2 == 0 ? 1e-3 : -1e-3);
    }
    // Loss 2, floor 0.5: a margin of 0.06 times 1.5 is 0.09, one of 0.07 is 0.105.
    Judgement enough = Judgement.of(champion, challenger, floors, rule(0.99, 0.06));
    assertThat(enough.promotes()).isTrue();
    assertThat(enough.margin()).isEqualTo(0.09, within(1e-12));
    // R: mean 0.1, sd 1e-3 * sqrt(1000 / 999), qt(0.99, 999) = 2.330083.
    assertThat(enough.lowerBound())
        .isEqualTo(0.1 - 2.330083 * 1e-3 * Math.sqrt(1000 / 999.0) / Math.sqrt(1000), within(1e-9));
    assertThat(Judgement.of(champion, challenger, floors, rule(0.99, 0.07)).promotes()).isFalse();
  }

  @Test
  void lossesThatAreNotFiniteAreWorseThanAllThatAre() {
    double[] finite = {1, 2, 3};
    double[] not = {1, Double.NaN, 3};
    assertThat(Judgement.of(finite, not, finite, rule(0.99, 0)).promotes()).isFalse();
    assertThat(Judgement.of(not, finite, finite, rule(0.99, 0)).promotes()).isTrue();
    assertThat(Judgement.of(not, not, finite, rule(0.99, 0)).promotes()).isFalse();
  }
}
