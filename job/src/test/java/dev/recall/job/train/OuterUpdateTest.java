package dev.recall.job.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.recall.datagen.BatchKey;
import dev.recall.datagen.SequenceBatch;
import dev.recall.datagen.SequenceTask;
import dev.recall.job.config.Configs;
import dev.recall.job.config.RunConfig;
import dev.recall.model.GradientSum;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Local steps and the driver's update on one parameter whose gradient is always 2, as in torchft's
 * tests of DiLoCo: two replicas, weight 1, inner rate 1, synchronized every 6 steps.
 */
class OuterUpdateTest {

  /**
   * Zero inputs and targets far below zero. In a network of zeros only the read-out's bias has a
   * gradient then, and clipping makes it 2.
   */
  private record FarBelow() implements SequenceTask {
    @Override
    public int steps() {
      return 2;
    }

    @Override
    public int batchSize() {
      return 1;
    }

    @Override
    public int inputSize() {
      return 1;
    }

    @Override
    public int targetSize() {
      return 1;
    }

    @Override
    public int recallSteps() {
      return 1;
    }

    @Override
    public double bayesLoss() {
      return 0;
    }

    @Override
    public void generate(BatchKey key, SequenceBatch batch) {
      Arrays.fill(batch.inputs(), 0f);
      Arrays.fill(batch.weights(), 1f);
      bestPrediction(batch, batch.targets());
    }

    @Override
    public void bestPrediction(SequenceBatch batch, float[] predictions) {
      Arrays.fill(predictions, -10_000f);
    }
  }

  /** Writes down the read-out's bias after each round. */
  private record Weights(int bias, List<Double> history) implements TrainingListener {
    @Override
    public void roundDone(RoundReport report) {}

    @Override
    public void checkpoint(TrainingState state) {
      history.add((double) state.parameters()[bias]);
    }
  }

  private static RunConfig config(String... outer) {
    List<String> settings =
        new ArrayList<>(
            List.of(
                "model.layers=[1, (lstm, 1), 1]",
                "training.shards=2",
                "training.local-steps=6",
                "training.local-optimizer.algorithm=sgd",
                "training.local-optimizer.learning-rate=1",
                "training.local-optimizer.decay=constant",
                "training.local-optimizer.warm-up-rounds=0",
                "training.local-optimizer.momentum=0",
                "training.local-optimizer.clip-norm=0",
                "training.local-optimizer.clip-element=2",
                "training.optimizer.decay=constant",
                "validation.every-rounds=0",
                "checkpoint.every-rounds=1",
                "stop.rounds=4"));
    settings.addAll(List.of(outer));
    return Configs.withTask(Configs.of(settings.toArray(new String[0])), new FarBelow());
  }

  private static float[] weight(RunConfig config, float weight) {
    float[] parameters = new float[config.model().layout().size()];
    parameters[config.model().layout().offset("out.b")] = weight;
    return parameters;
  }

  /** The weight after each round. */
  private static List<Double> trained(RunConfig config, float from) throws IOException {
    int bias = config.model().layout().offset("out.b");
    Weights weights = new Weights(bias, new ArrayList<>());
    TrainingState state = TrainingState.initial(config, weight(config, from));
    try (LocalRounds rounds = new LocalRounds(ShardPlan.of(config), 2)) {
      new Trainer(config, List.of(weights)).train(state, rounds);
    }
    assertThat(state.parameters()).containsExactly(weight(config, state.parameters()[bias]));
    return weights.history;
  }

  private static final String[] TORCHFT = {
    "training.optimizer.algorithm=sgd",
    "training.optimizer.learning-rate=2",
    "training.optimizer.momentum=0"
  };

  /**
   * The fixture diloco_mocked_updates_0 of torchft's diloco_regression_test: the global weight of
   * layer 1 at its synchronizations, and of layer 0, which is first synchronized after 3 steps.
   */
  @Test
  void globalWeightsAreThoseThatTorchftPublishes() throws IOException {
    assertThat(trained(config(TORCHFT), 1)).startsWith(-23.0, -47.0);

    List<String> half = new ArrayList<>(List.of(TORCHFT));
    half.addAll(List.of("training.local-steps=3", "stop.rounds=1"));
    assertThat(trained(config(half.toArray(new String[0])), 1)).containsExactly(-11.0);
    assertThat(trained(config(TORCHFT), -11)).startsWith(-35.0, -59.0);
  }

  /** Of the same fixture: layer 1 goes 1, -1, -3, ..., -9 before its first synchronization. */
  @Test
  void localWeightsAreThoseThatTorchftPublishes() {
    for (int steps = 2; steps <= 5; steps++) {
      RunConfig config = config("training.local-steps=" + steps);
      ShardPlan plan = ShardPlan.of(config);
      float[] start = weight(config, 1);
      GradientSum sum = new ShardPass(plan).run(start, new float[plan.localSlots()][], 0, 1);
      float displacement = sum.vector()[config.model().layout().offset("out.b")];
      assertThat(1 - displacement).isEqualTo(1f - 2 * steps);
    }
  }

  private static Arguments row(String settings, double tolerance, Double... weights) {
    return Arguments.of(settings, tolerance, List.of(weights));
  }

  /**
   * PyTorch 1.13.1 in float64 with the mean displacement, 12 each time, as the gradient. Its
   * RMSprop has epsilon outside the root and no centring by default.
   */
  static Stream<Arguments> outerUpdates() {
    return Stream.of(
        // SGD(lr=1): the average of the shards' parameters
        row("algorithm=sgd learning-rate=1 momentum=0", 0, -11.0, -23.0, -35.0, -47.0),
        // SGD(lr=0.7, momentum=0.9, nesterov=True), DiLoCo's
        row(
            "algorithm=sgd learning-rate=0.7 momentum=0.9 nesterov=true nesterov-form=pytorch",
            1e-5,
            -14.96,
            -37.724,
            -66.6116,
            -101.01044),
        // RMSprop(lr=0.1, alpha=0.99, eps=1e-8)
        row(
            "algorithm=rmsprop-plain learning-rate=0.1 epsilon=1e-8 momentum=0",
            1e-6,
            8.3333e-9,
            -0.7088811925,
            -1.2891302744,
            -1.7928974869),
        // RMSprop(lr=0.1, alpha=0.9, eps=0.5, momentum=0.5)
        row(
            "algorithm=rmsprop-plain learning-rate=0.1 rms-decay=0.9 epsilon=0.5 momentum=0.5",
            1e-6,
            0.7205879978,
            0.3714827168,
            0.0190711222,
            -0.3163458683));
  }

  /** The tolerances are some roundings of floats of these sizes. */
  @ParameterizedTest
  @MethodSource("outerUpdates")
  void meanDisplacementIsTheDriversGradient(String settings, double tolerance, List<Double> weights)
      throws IOException {
    String[] outer =
        Stream.of(settings.split(" "))
            .map(setting -> "training.optimizer." + setting)
            .toArray(String[]::new);
    List<Double> history = trained(config(outer), 1);
    assertThat(history).hasSameSizeAs(weights);
    for (int round = 0; round < weights.size(); round++) {
      assertThat(history.get(round))
          .as("weight after round %d", round + 1)
          .isCloseTo(weights.get(round), within(Math.abs(weights.get(round)) * tolerance + 1e-6));
    }
  }
}
