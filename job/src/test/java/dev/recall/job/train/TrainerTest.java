package dev.recall.job.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.recall.datagen.BatchKey;
import dev.recall.datagen.Purpose;
import dev.recall.datagen.SequenceBatch;
import dev.recall.job.config.Configs;
import dev.recall.job.config.RunConfig;
import dev.recall.model.GradientSum;
import dev.recall.model.ParameterLayout;
import dev.recall.model.recurrent.PlainEngine;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.IntFunction;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TrainerTest {

  private static TrainingState initial(RunConfig config) {
    return TrainingState.initial(
        config, config.initializer().initialize(config.model(), config.seed()));
  }

  private static TrainingOutcome train(
      RunConfig config, TrainingState state, TrainingListener... listeners) throws IOException {
    try (LocalRounds rounds = new LocalRounds(ShardPlan.of(config), 2)) {
      return new Trainer(config, List.of(listeners)).train(state, rounds);
    }
  }

  /** Runs no shards but gives what a test wants for each round. */
  private record Scripted(IntFunction<GradientSum> rounds) implements RoundRunner {
    @Override
    public RoundSum run(int round, float[] parameters, float[][] localState) {
      return new RoundSum(rounds.apply(round), 1, OptionalInt.empty(), List.of());
    }

    @Override
    public void use(ShardPlan plan) {}

    @Override
    public int parallelism() {
      return 1;
    }

    @Override
    public void close() {}
  }

  /** Writes down what it is told. */
  private record Diary(String name, List<String> lines) implements TrainingListener {
    @Override
    public void roundDone(RoundReport report) {
      lines.add(
          name
              + " round "
              + report.round()
              + (report.validation().isPresent() ? " validated" : "")
              + " examples "
              + report.examples());
    }

    @Override
    public void checkpoint(TrainingState state) {
      lines.add(name + " checkpoint " + state.round());
    }

    @Override
    public void finished(TrainingOutcome outcome) {
      lines.add(name + " finished " + outcome.reason());
    }
  }

  @Nested
  class Stops {

    @ParameterizedTest
    @CsvSource({
      "stop.rounds=3, ROUNDS, 3",
      "stop.seconds=1e-9, SECONDS, 1",
      "stop.target-loss=1000, TARGET_LOSS, 2",
      "stop.target-recall-mse=1000, TARGET_RECALL, 2",
      "stop.target-loss=1e-9, ROUNDS, 6",
      "stop.target-recall-mse=1e-9, ROUNDS, 6",
      "stop.seconds=1000, ROUNDS, 6"
    })
    void byEachRule(String rule, StopReason reason, int round) throws IOException {
      RunConfig config = Configs.small(rule);
      TrainingState state = initial(config);
      assertThat(train(config, state).reason()).isEqualTo(reason);
      assertThat(state.round()).isEqualTo(round);
    }

    /** Downhill stops when the misses exceed the patience, not when they reach it. */
    @Test
    void atOneMissMoreThanThePatience() throws IOException {
      RunConfig config =
          Configs.small("stop.patience=2", "stop.rounds=100", "training.optimizer.learning-rate=0");
      TrainingState state = initial(config);
      assertThat(train(config, state).reason()).isEqualTo(StopReason.PATIENCE);
      // Validated before round 1 (the best) and after rounds 2, 4 and 6 (the misses).
      assertThat(state.round()).isEqualTo(6);
      assertThat(state.best().orElseThrow().misses()).isEqualTo(3);
    }

    @Test
    void withTheBestValidatedParametersAsTheResult() throws IOException {
      RunConfig config =
          Configs.small(
              "stop.patience=1",
              "stop.rounds=100",
              "validation.every-rounds=1",
              "training.shards=1",
              "training.optimizer.decay=constant",
              "training.optimizer.algorithm=sgd",
              "training.optimizer.momentum=0",
              "training.optimizer.learning-rate=1");
      TrainingState state = initial(config);
      int bias = config.model().layout().offset("out.b");
      state.parameters()[bias] = 20;
      float[] first = state.parameters().clone();

      TrainingOutcome outcome =
          new Trainer(config, List.of()).train(state, new Scripted(round -> moving(bias, 10)));

      // The read-out's bias goes 20, 10, 0, -10, -20: the best is in the middle.
      assertThat(outcome.reason()).isEqualTo(StopReason.PATIENCE);
      assertThat(state.round()).isEqualTo(4);
      assertThat(state.parameters()[bias]).isEqualTo(-20f);
      first[bias] = 0;
      assertThat(state.result()).isEqualTo(first);
    }

    private GradientSum moving(int index, float by) {
      GradientSum sum = new GradientSum(Configs.small().model().layout().size());
      sum.vector()[index] = by;
      sum.addLoss(1, 1);
      return sum;
    }

    @Test
    void withTheCurrentParametersAsTheResultWhenNothingWasValidated() {
      RunConfig config = Configs.small("stop.patience=1");
      TrainingState state = initial(config);
      assertThat(state.result()).isSameAs(state.parameters());
    }

    @Test
    void atOnceWhenTheRoundsAreDoneAlready() throws IOException {
      RunConfig config = Configs.small();
      TrainingState state = initial(config);
      train(config, state);
      List<String> lines = new ArrayList<>();
      TrainingOutcome outcome = train(config, state, new Diary("a", lines));
      assertThat(lines).containsExactly("a finished ROUNDS");
      assertThat(outcome.usefulShare()).isNaN();
    }

    /** downhill/base.py: improved iff best - loss > best * min_improvement. */
    @Test
    void countingAnImprovementAsDownhillDoes() {
      float[] none = {};
      BestSoFar best = BestSoFar.none(0);
      best = best.validated(Double.NaN, 0.25, none);
      assertThat(best.seen()).isFalse();
      assertThat(best.misses()).isEqualTo(1);
      best = best.validated(4, 0.25, none);
      assertThat(best.loss()).isEqualTo(4);
      assertThat(best.misses()).isZero();
      best = best.validated(3, 0.25, none);
      assertThat(best.loss()).as("4 - 3 is not above 4 x 0.25").isEqualTo(4);
      assertThat(best.misses()).isEqualTo(1);
      best = best.validated(Double.NaN, 0.25, none);
      assertThat(best.misses()).isEqualTo(2);
      best = best.validated(2.875, 0.25, none);
      assertThat(best.loss()).isEqualTo(2.875);
      assertThat(best.misses()).isZero();
      best = best.validated(2.875, 0, none);
      assertThat(best.misses()).as("equal is no improvement").isEqualTo(1);
    }
  }

  @Nested
  class Steps {

    /**
     * Shards that send gradients are one machine with the union of their batches. The two sum the
     * same float32 products in different orders; over 3 x 3 sequences of 6 steps a relative error
     * of 1e-5 is a hundred roundings, and RMSProp's first steps amplify it by at most ten.
     */
    @ParameterizedTest
    @ValueSource(strings = {"all", "recall"})
    void ofShardsEqualOneMachineOnTheUnionOfTheirBatches(String targets) throws IOException {
      RunConfig config = Configs.small("training.shards=3", "task.targets=" + targets);
      TrainingState state = initial(config);
      float[] alone = state.parameters().clone();
      train(config, state);

      float[][] slots = config.training().optimizer().initialState(alone.length);
      ParameterLayout layout = config.model().layout();
      PlainEngine engine = new PlainEngine(config.model());
      for (int round = 0; round < 6; round++) {
        GradientSum sum = new GradientSum(alone.length);
        engine.lossAndGradient(alone, union(config, round), sum);
        float[] mean = sum.vector();
        for (int i = 0; i < mean.length; i++) {
          mean[i] = (float) (mean[i] / sum.weight());
        }
        config.training().optimizer().update(alone, mean, slots, layout, round);
      }
      assertThat(state.parameters()).containsExactly(alone, within(1e-4f));
      assertThat(state.examples()).isEqualTo(6 * 3 * 3);
    }

    /** All shards' batches of a round, side by side. */
    private SequenceBatch union(RunConfig config, int round) {
      int shards = config.training().shards();
      int size = config.task().batchSize();
      SequenceBatch union = new SequenceBatch(config.task().steps(), shards * size, 1, 1);
      SequenceBatch batch = config.task().newBatch();
      for (int shard = 0; shard < shards; shard++) {
        config
            .task()
            .generate(new BatchKey(config.seed(), Purpose.TRAINING, round, shard, 0), batch);
        for (int t = 0; t < config.task().steps(); t++) {
          int to = (t * shards + shard) * size;
          System.arraycopy(batch.inputs(), t * size, union.inputs(), to, size);
          System.arraycopy(batch.targets(), t * size, union.targets(), to, size);
          System.arraycopy(batch.weights(), t * size, union.weights(), to, size);
        }
      }
      return union;
    }

    /** sgd at rate 1 on the mean displacement is the mean of the shards' parameters. */
    @Test
    void ofTheShardsThemselvesAreAveraged() throws IOException {
      RunConfig config =
          Configs.small(
              "training.shards=3",
              "training.local-steps=4",
              "training.optimizer.decay=constant",
              "training.optimizer.algorithm=sgd",
              "training.optimizer.learning-rate=1",
              "training.optimizer.momentum=0");
      TrainingState state = initial(config);
      float[] alone = state.parameters().clone();
      train(config, state);

      float[][] slots = config.training().localOptimizer().initialState(alone.length);
      for (int round = 0; round < 6; round++) {
        float[] mean = new float[alone.length];
        float[][] meanSlots = new float[slots.length][alone.length];
        for (int shard = 0; shard < 3; shard++) {
          float[] own = alone.clone();
          float[][] ownSlots = new float[slots.length][];
          for (int slot = 0; slot < slots.length; slot++) {
            ownSlots[slot] = slots[slot].clone();
          }
          fourSteps(config, round, shard, own, ownSlots);
          addTo(mean, own);
          for (int slot = 0; slot < slots.length; slot++) {
            addTo(meanSlots[slot], ownSlots[slot]);
          }
        }
        alone = mean;
        slots = meanSlots;
      }
      // Displacements instead of parameters are averaged: a few roundings of values near 1.
      assertThat(state.parameters()).containsExactly(alone, within(1e-4f));
      assertThat(state.local()).hasDimensions(3, alone.length);
      for (int slot = 0; slot < slots.length; slot++) {
        assertThat(state.local()[slot]).containsExactly(slots[slot], within(1e-4f));
      }
      assertThat(state.examples()).isEqualTo(6 * 3 * 4 * 3);
    }

    private void fourSteps(RunConfig config, int round, int shard, float[] own, float[][] slots) {
      PlainEngine engine = new PlainEngine(config.model());
      SequenceBatch batch = config.task().newBatch();
      for (int step = 0; step < 4; step++) {
        config
            .task()
            .generate(new BatchKey(config.seed(), Purpose.TRAINING, round, shard, step), batch);
        GradientSum sum = new GradientSum(own.length);
        engine.lossAndGradient(own, batch, sum);
        float[] gradient = sum.vector();
        for (int i = 0; i < gradient.length; i++) {
          gradient[i] = (float) (gradient[i] / sum.weight());
        }
        config
            .training()
            .localOptimizer()
            .update(own, gradient, slots, config.model().layout(), round + step / 4.0);
      }
    }

    private void addTo(float[] mean, float[] third) {
      for (int i = 0; i < mean.length; i++) {
        mean[i] += third[i] / 3;
      }
    }
  }

  @Nested
  class NotFinite {

    private void assertRefused(RunConfig config, IntFunction<GradientSum> rounds, String found) {
      TrainingState state = initial(config);
      for (float[] slot : state.optimizer()) {
        slot[0] = 0.5f;
      }
      float[] parameters = state.parameters().clone();
      assertThatThrownBy(() -> new Trainer(config, List.of()).train(state, new Scripted(rounds)))
          .isInstanceOf(NumericalException.class)
          .hasMessage(
              "round 1: expected finite loss, gradient, parameters and optimizer state, found "
                  + found
                  + "; lower training.optimizer.learning-rate (with local steps"
                  + " training.local-optimizer.learning-rate) or set its clip-norm");
      assertThat(state.round()).isZero();
      assertThat(state.examples()).isZero();
      assertThat(state.parameters()).isEqualTo(parameters);
      for (float[] slot : state.optimizer()) {
        assertThat(slot[0]).isEqualTo(0.5f);
        assertThat(slot[1]).isZero();
      }
      for (float[] slot : state.local()) {
        assertThat(slot).containsOnly(0f);
      }
    }

    private static RunConfig stopping(String... assignments) {
      List<String> all = new ArrayList<>(List.of(assignments));
      all.add("training.not-finite.policy=stop");
      return Configs.small(all.toArray(new String[0]));
    }

    private GradientSum sum(int length, int index, float value, double loss) {
      GradientSum sum = new GradientSum(length);
      sum.vector()[index] = value;
      sum.addLoss(loss, 1);
      return sum;
    }

    private final int length = Configs.small().model().layout().size();

    @Test
    void lossesAreRefusedAndTheStateStaysAsItWas() {
      assertRefused(
          stopping("training.optimizer.momentum=0", "training.optimizer.learning-rate=0"),
          round -> sum(length, 0, 0, Double.NaN),
          "loss NaN, gradient norm 0.0 and parameter norm " + parameterNorm());
    }

    @Test
    void gradientsAreRefusedAndTheStateStaysAsItWas() {
      assertRefused(
          stopping(),
          round -> sum(length, 1, Float.NaN, 1),
          "loss 1.0, gradient norm NaN and parameter norm NaN");
    }

    @Test
    void parametersAreRefusedAndTheStateStaysAsItWas() {
      assertRefused(
          stopping("training.optimizer.algorithm=sgd", "training.optimizer.learning-rate=1e39"),
          round -> sum(length, 1, -1, 1),
          "loss 1.0, gradient norm 1.0 and parameter norm NaN");
    }

    @Test
    void stateOfTheShardsIsRefusedAndTheStateStaysAsItWas() {
      assertRefused(
          stopping(
              "training.local-steps=2",
              "training.optimizer.momentum=0",
              "training.optimizer.learning-rate=0"),
          round -> sum(4 * length, 2 * length, Float.POSITIVE_INFINITY, 1),
          "loss 1.0, gradient norm 0.0 and parameter norm " + parameterNorm());
    }

    /** Bad in these rounds whatever the rate; says how often each round was run. */
    private RoundRunner badIn(Set<Integer> bad, List<Integer> ran) {
      return new Scripted(
          round -> {
            ran.add(round + 1);
            float value = bad.contains(round + 1) && count(ran, round + 1) == 1 ? Float.NaN : 0.5f;
            return sum(length, 1, value, 1);
          });
    }

    private static long count(List<Integer> ran, int round) {
      return ran.stream().filter(one -> one == round).count();
    }

    private static RunConfig plain(String... assignments) {
      List<String> all = new ArrayList<>(List.of(assignments));
      all.addAll(
          List.of(
              "training.optimizer.algorithm=sgd",
              "training.optimizer.learning-rate=1",
              "training.optimizer.decay=constant",
              "training.optimizer.momentum=0",
              "training.shards=1",
              "stop.rounds=7"));
      return Configs.small(all.toArray(new String[0]));
    }

    @Test
    void roundsAreTriedAgainFromTheLastCheckpointAtHalfTheRate() throws IOException {
      RunConfig config = plain("training.not-finite.back-rounds=2");
      TrainingState state = initial(config);
      float before = state.parameters()[1];
      List<Integer> ran = new ArrayList<>();
      List<String> told = new ArrayList<>();
      new Trainer(config, List.of(new Troubles(told))).train(state, badIn(Set.of(4, 7), ran));
      assertThat(ran).containsExactly(1, 2, 3, 4, 3, 4, 5, 6, 7, 7);
      assertThat(told)
          .containsExactly(
              "1",
              "2",
              "3",
              "rejected 4 back to 2 at 0.5",
              "3",
              "4",
              "5",
              "6",
              "rejected 7 back to 6 at 0.25",
              "7");
      // Rounds 1 and 2 at rate 1, 3 to 6 at a half, 7 at a quarter, each of a gradient of a half.
      assertThat(before - state.parameters()[1]).isCloseTo(0.5f * (2 + 2 + 0.25f), within(1e-6f));
      assertThat(state.snapshot().rejected()).isEqualTo(2);
      assertThat(state.round()).isEqualTo(7);
      assertThat(state.examples()).isEqualTo(7 * 3);
    }

    @Test
    void roundsAreLeftOutWhereThatIsThePolicy() throws IOException {
      RunConfig config = plain("training.not-finite.policy=skip");
      TrainingState state = initial(config);
      float before = state.parameters()[1];
      List<String> told = new ArrayList<>();
      new Trainer(config, List.of(new Troubles(told)))
          .train(state, badIn(Set.of(4, 7), new ArrayList<>()));
      assertThat(told)
          .containsExactly(
              "1",
              "2",
              "3",
              "rejected 4 back to 4 at 1.0",
              "4",
              "5",
              "6",
              "rejected 7 back to 7 at 1.0",
              "7");
      assertThat(before - state.parameters()[1]).isCloseTo(0.5f * 5, within(1e-6f));
      assertThat(state.examples()).isEqualTo(5 * 3);
    }

    @ParameterizedTest
    @CsvSource({"halve, 0, 1", "halve, 2, 3", "skip, 2, 3", "stop, 2, 1"})
    void moreOfThemThanTheLimitEndTheRun(String policy, int limit, int times) {
      RunConfig config =
          plain("training.not-finite.policy=" + policy, "training.not-finite.limit=" + limit);
      TrainingState state = initial(config);
      List<String> told = new ArrayList<>();
      Trainer trainer = new Trainer(config, List.of(new Troubles(told)));
      assertThatThrownBy(
              () -> trainer.train(state, new Scripted(r -> sum(length, 1, Float.NaN, 1))))
          .isInstanceOf(NumericalException.class)
          .hasMessageStartingWith("round " + (policy.equals("skip") ? times : 1) + ": expected ")
          .hasMessageContaining(
              times == 1 ? "NaN; lower" : ", after 2 rejected rounds before it; ");
      assertThat(told).filteredOn(line -> line.startsWith("rejected")).hasSize(times - 1);
    }

    /** The same from any checkpoint between, with the chain of the run in one piece. */
    @Test
    void aRunGoesOnFromBetweenAsIfItHadNotStopped() throws IOException {
      RunConfig config = plain("training.not-finite.back-rounds=3", "training.local-steps=2");
      TrainingState whole = initial(config);
      Memory memory = new Memory(new ArrayList<>());
      try (LocalRounds rounds = new LocalRounds(ShardPlan.of(config), 1)) {
        new Trainer(config, List.of(memory)).train(whole, failing(rounds, 5));
      }
      for (TrainingState between : memory.states()) {
        int round = between.round();
        // Whether round 5 is still to fail, or is being tried again by now.
        int fails = between.snapshot().rejected() > 0 ? 0 : 5;
        try (LocalRounds rounds = new LocalRounds(ShardPlan.of(config), 1)) {
          new Trainer(config, List.of()).train(between, failing(rounds, fails));
        }
        assertThat(between.snapshot().sameBits(whole.snapshot())).as("from %d", round).isTrue();
      }
      assertThat(whole.snapshot().rejected()).isEqualTo(1);
      assertThat(memory.states()).hasSizeGreaterThan(3);
    }

    /** A loss that is not a number in the first try of a round. */
    private RoundRunner failing(LocalRounds rounds, int bad) {
      List<Integer> ran = new ArrayList<>();
      return new RoundRunner() {
        @Override
        public RoundSum run(int round, float[] parameters, float[][] localState) {
          ran.add(round + 1);
          RoundSum sum = rounds.run(round, parameters, localState);
          if (round + 1 == bad && count(ran, bad) == 1) {
            sum.sum().addLoss(Double.NaN, 1);
          }
          return sum;
        }

        @Override
        public void use(ShardPlan plan) {
          rounds.use(plan);
        }

        @Override
        public int parallelism() {
          return 1;
        }

        @Override
        public void close() {}
      };
    }

    /** Keeps the state of after each round. */
    private record Memory(List<TrainingState> states) implements TrainingListener {
      @Override
      public void roundDone(RoundReport report) {}

      @Override
      public void checkpoint(TrainingState state) {
        states.add(new TrainingState(state.snapshot(), state.back()));
      }
    }

    /** Rounds and rejections in their order. */
    private record Troubles(List<String> lines) implements TrainingListener {
      @Override
      public void roundDone(RoundReport report) {
        lines.add(String.valueOf(report.round()));
      }

      @Override
      public void rejected(Rejection rejection, Snapshot target) {
        assertThat(target.round())
            .isEqualTo(rejection.skipped() ? rejection.round() - 1 : rejection.backTo());
        lines.add(
            "rejected "
                + rejection.round()
                + " back to "
                + rejection.backTo()
                + " at "
                + rejection.rateFactor());
      }
    }

    private double parameterNorm() {
      double squares = 0;
      for (float value : initial(Configs.small()).parameters()) {
        squares += (double) value * value;
      }
      return Math.sqrt(squares);
    }
  }

  @Nested
  class Listeners {

    @Test
    void areToldInTheirOrderOfRoundsThenCheckpointsThenTheEnd() throws IOException {
      RunConfig config =
          Configs.small("stop.rounds=3", "training.shards=2", "validation.every-rounds=3");
      List<String> lines = new ArrayList<>();
      train(config, initial(config), new Diary("a", lines), new Diary("b", lines));
      assertThat(lines)
          .containsExactly(
              "a round 1 examples 6",
              "b round 1 examples 6",
              "a round 2 examples 12",
              "b round 2 examples 12",
              "a checkpoint 2",
              "b checkpoint 2",
              "a round 3 validated examples 18",
              "b round 3 validated examples 18",
              "a checkpoint 3",
              "b checkpoint 3",
              "a finished ROUNDS",
              "b finished ROUNDS");
    }

    @Test
    void thatCannotWriteEndTheRun() {
      RunConfig config = Configs.small();
      TrainingListener full =
          report -> {
            throw new IOException("no space left");
          };
      assertThatThrownBy(() -> train(config, initial(config), full))
          .isInstanceOf(IOException.class)
          .hasMessage("no space left");
    }
  }

  @Nested
  class Threads {

    @Test
    void areNoMoreThanShards() {
      RunConfig config = Configs.small("training.shards=3");
      try (LocalRounds rounds = new LocalRounds(ShardPlan.of(config), 16)) {
        assertThat(rounds.parallelism()).isEqualTo(3);
      }
    }

    @Test
    void passOnWhatAShardDiedOf() {
      RunConfig config = Configs.small();
      try (LocalRounds rounds = new LocalRounds(ShardPlan.of(config), 2)) {
        assertThatThrownBy(() -> rounds.run(0, new float[1], new float[0][]))
            .isInstanceOf(IllegalStateException.class)
            .hasMessageStartingWith("a shard failed: java.lang.IllegalArgumentException: ")
            .hasRootCauseInstanceOf(IllegalArgumentException.class);
      }
    }

    @Test
    void neverMakeTheUsefulShareMoreThanAll() throws IOException {
      RunConfig config = Configs.of("stop.rounds=5", "training.local-steps=4");
      assertThat(train(config, initial(config)).usefulShare()).isBetween(0.0, 1.0);
    }
  }
}
