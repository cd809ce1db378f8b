package dev.recall.job.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.recall.job.config.Configs;
import dev.recall.job.config.RunConfig;
import java.util.function.IntToLongFunction;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;

/** The arithmetic of {@code recall plan}, on figures that can be followed by hand. */
class PlanTest {

  private static final String ROUNDS = "stop.rounds=600";

  /** The doubles below are decimal fractions, and a handful of operations. */
  private static final Offset<Double> ROUNDING = within(1e-12);

  private static final UnitCosts COSTS =
      new UnitCosts(10e-6, 80e-6, 10e-6, 2e-6, 16e-6, new EmptyRound(1e-3, 0.25e-3));

  private static final Workload WORK = new Workload(8, 32, 600, 32, 8_000, 0, 10, 16);

  private static final IntToLongFunction BYTES = steps -> 8_000;

  @Test
  void aRoundIsItsBusiestCoresWorkAndWhatIsBesideIt() {
    RoundEstimate estimate = RoundEstimate.of(COSTS, WORK, Cores.ofTheDriver(2));
    assertThat(estimate.tasks()).isEqualTo(2);
    assertThat(estimate.busySeconds()).isEqualTo(8 * 32 * 100e-6, ROUNDING);
    assertThat(estimate.workSeconds()).isEqualTo(12.8e-3, ROUNDING);
    assertThat(estimate.emptySeconds()).isEqualTo(1.5e-3, ROUNDING);
    // 16 + 2 * 2 us, and a tenth of 16 validation batches of 10 + 80/2 us
    assertThat(estimate.driverSeconds()).isEqualTo(100e-6, ROUNDING);
    assertThat(estimate.bytes()).isZero();
    assertThat(estimate.transferSeconds()).isZero();
    assertThat(estimate.roundSeconds()).isEqualTo(14.4e-3, ROUNDING);
    assertThat(estimate.examplesPerSecond()).isEqualTo(8 * 32 * 32 / 14.4e-3, within(1e-6));
    assertThat(estimate.runSeconds()).isEqualTo(8.64, ROUNDING);
    assertThat(estimate.usefulShare()).isEqualTo(12.8 / 14.4, ROUNDING);
  }

  @Test
  void executorsAreSentTheVectorsAndTasksSendTheirSums() {
    RoundEstimate estimate = RoundEstimate.of(COSTS, WORK, new Cores(3, 1, 1e6));
    assertThat(estimate.tasks()).isEqualTo(3);
    assertThat(estimate.workSeconds()).isEqualTo(3 * 3.2e-3, ROUNDING);
    assertThat(estimate.bytes()).isEqualTo((3 + 3) * 8_000);
    assertThat(estimate.transferSeconds()).isEqualTo(48e-3, ROUNDING);
    assertThat(estimate.roundSeconds()).isEqualTo(9.6e-3 + 1.75e-3 + 0.102e-3 + 48e-3, ROUNDING);
    assertThat(estimate.usefulShare()).isEqualTo(25.6 / 3 / 59.452, ROUNDING);
  }

  @Test
  void tasksBeyondTheCoresRunInWavesAndThoseBeyondTheShardsNotAtAll() {
    Workload eightTasks = new Workload(8, 32, 600, 32, 8_000, 8, 10, 16);
    RoundEstimate three = RoundEstimate.of(COSTS, eightTasks, Cores.ofTheDriver(3));
    assertThat(three.tasks()).isEqualTo(8);
    assertThat(three.workSeconds()).isEqualTo(3 * 3.2e-3, ROUNDING);
    RoundEstimate many = RoundEstimate.of(COSTS, WORK, Cores.ofTheDriver(100));
    assertThat(many.tasks()).isEqualTo(8);
    assertThat(many.workSeconds()).isEqualTo(3.2e-3, ROUNDING);
    assertThat(many.usefulShare()).isEqualTo(3.2e-3 / many.roundSeconds(), ROUNDING);
  }

  @Test
  void withoutLocalStepsShardsRunNoOptimizerAndWithoutValidationNobodyValidates() {
    Workload synchronous = new Workload(8, 1, 600, 32, 2_000, 0, 0, 16);
    RoundEstimate estimate = RoundEstimate.of(COSTS, synchronous, Cores.ofTheDriver(1));
    assertThat(estimate.workSeconds()).isEqualTo(8 * 90e-6, ROUNDING);
    assertThat(estimate.driverSeconds()).isEqualTo(18e-6, ROUNDING);
  }

  @Test
  void anEmptyRoundIsALineThroughTwoMeasurements() {
    EmptyRound line = EmptyRound.through(1, 1.5e-3, 8, 5e-3);
    assertThat(line.secondsPerTask()).isEqualTo(0.5e-3, ROUNDING);
    assertThat(line.of(4)).isEqualTo(3e-3, ROUNDING);
    assertThat(EmptyRound.through(1, 2e-3, 8, 1e-3)).isEqualTo(new EmptyRound(2e-3, 0));
  }

  /** 0.4 H ms of work and 1.6 ms beside it: nine tenths need 36. */
  @Test
  void theFewestLocalStepsWithAUsefulShareOfNineTenthsAreChosen() {
    Workload chosen = LocalSteps.choose(COSTS, WORK, Cores.ofTheDriver(2), BYTES);
    assertThat(chosen.localSteps()).isEqualTo(64);
    assertThat(chosen.rounds()).isEqualTo(300);
    assertThat(RoundEstimate.of(COSTS, chosen, Cores.ofTheDriver(2)).usefulShare())
        .isEqualTo(25.6 / 27.2, ROUNDING);
  }

  @Test
  void theFewestAreChosenWhereARoundCostsNothing() {
    UnitCosts free = new UnitCosts(10e-6, 80e-6, 10e-6, 0, 0, new EmptyRound(0, 0));
    Workload unvalidated = new Workload(8, 32, 600, 32, 8_000, 0, 0, 16);
    Workload chosen = LocalSteps.choose(free, unvalidated, Cores.ofTheDriver(2), BYTES);
    assertThat(chosen.localSteps()).isEqualTo(LocalSteps.FEWEST).isEqualTo(16);
    assertThat(chosen.rounds()).isEqualTo(1_200);
  }

  @Test
  void neverMoreThanTheBoundOrTheBudgetAreChosen() {
    UnitCosts slow = COSTS.with(new EmptyRound(10, 0));
    Workload most = LocalSteps.choose(slow, WORK, Cores.ofTheDriver(2), BYTES);
    assertThat(most.localSteps()).isEqualTo(LocalSteps.MOST).isEqualTo(512);
    assertThat(most.rounds()).as("19,200 / 512, rounded up").isEqualTo(38);
    Workload small = new Workload(8, 32, 3, 32, 8_000, 0, 10, 16);
    Workload all = LocalSteps.choose(slow, small, Cores.ofTheDriver(2), BYTES);
    assertThat(all.localSteps()).as("of 96").isEqualTo(64);
    assertThat(all.rounds()).isEqualTo(2);
  }

  @Test
  void theWorkloadOfAConfigurationHasItsNumbers() {
    RunConfig config =
        Configs.of("spark.tasks=5", "training.shards=8", "training.local-steps=32", ROUNDS);
    long parameters = config.model().layout().size();
    // parameters, two means and the velocity
    assertThat(Workload.of(config))
        .isEqualTo(new Workload(8, 32, 600, 32, 4 * 4 * parameters, 5, 5, 16));
  }

  @Test
  void theDecisionSaysWhatWasChosenAndFromWhatFigures() {
    Decision decision =
        Decision.of(
            Configs.of("training.shards=8", "training.local-steps=32", ROUNDS),
            COSTS,
            Cores.ofTheDriver(2),
            "local[2]");
    assertThat(decision.assignments())
        .containsExactly("training.local-steps=64", "stop.rounds=300");
    assertThat(decision.lines())
        .containsExactly(
            "training.local-steps = auto: 64, with 300 rounds for the gradients of 600 rounds of"
                + " 32; predicted useful share 94%",
            "calibration, local[2], us: batch 10.0, gradient 80.0, local step 10.0, merge 2.0,"
                + " update 16.0, empty round 1000 + 250 per task");
  }

  @Test
  void theCalibrationOfAConfigurationIsAboveZero() {
    UnitCosts costs = Calibration.measure(Configs.small(), 0.01, EmptyRound.LOCAL);
    assertThat(costs.batch()).isPositive();
    assertThat(costs.gradient()).isPositive();
    assertThat(costs.localStep()).isPositive();
    assertThat(costs.merge()).isPositive();
    assertThat(costs.update()).isPositive();
    assertThat(costs.emptyRound()).isEqualTo(EmptyRound.LOCAL);
  }
}
