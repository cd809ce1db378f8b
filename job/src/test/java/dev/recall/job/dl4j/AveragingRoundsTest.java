package dev.recall.job.dl4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.recall.datagen.BatchKey;
import dev.recall.datagen.Purpose;
import dev.recall.datagen.SequenceBatch;
import dev.recall.job.config.Configs;
import dev.recall.job.config.RunConfig;
import dev.recall.job.spark.SparkCluster;
import dev.recall.job.store.Checkpoint;
import dev.recall.job.train.LocalRounds;
import dev.recall.job.train.RoundRunner;
import dev.recall.job.train.ShardPlan;
import dev.recall.job.train.Trainer;
import dev.recall.job.train.TrainingState;
import dev.recall.model.dl4j.Dl4jData;
import dev.recall.model.dl4j.Dl4jModel;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.factory.Nd4j;

/** Deeplearning4j Spark on {@code local[2]}, beside trajectories that do not come from it. */
@Tag("cluster")
@NeedsDl4j
class AveragingRoundsTest {

  /** Settings under which it can train. */
  static final List<String> AVERAGING =
      List.of(
          "training.strategy=dl4j-parameter-averaging",
          "training.shards=2",
          "training.local-steps=3",
          "training.optimizer.algorithm=sgd",
          "training.optimizer.learning-rate=1",
          "training.optimizer.decay=constant",
          "training.optimizer.momentum=0",
          "training.local-optimizer.algorithm=rmsprop-plain",
          "training.local-optimizer.learning-rate=0.01",
          "training.local-optimizer.momentum=0",
          "training.local-optimizer.clip-norm=0",
          "model.peepholes=false");

  /** After some steps; updates that are 0.01 a step agree to a hundredth of a percent of one. */
  private static final float FLOAT_ERROR = 2e-5f;

  private static SparkCluster cluster;

  @BeforeAll
  static void startSpark() {
    System.setProperty("spark.master", "local[2]");
    System.setProperty("spark.ui.enabled", "false");
    System.setProperty("spark.driver.host", "127.0.0.1");
    cluster = SparkCluster.start("averaging", ShardPlan.of(config()));
  }

  @AfterAll
  static void stopSpark() {
    cluster.close();
    System.clearProperty("spark.master");
    System.clearProperty("spark.ui.enabled");
    System.clearProperty("spark.driver.host");
  }

  private static RunConfig config(String... assignments) {
    List<String> all = new ArrayList<>(AVERAGING);
    all.addAll(List.of(assignments));
    return Configs.small(all.toArray(new String[0]));
  }

  private static float[] start(RunConfig config) {
    return config.initializer().initialize(config.model(), config.seed());
  }

  private static TrainingState trained(RunConfig config, RoundRunner runner) throws IOException {
    return trained(config, runner, TrainingState.initial(config, start(config)));
  }

  private static TrainingState trained(RunConfig config, RoundRunner runner, TrainingState state)
      throws IOException {
    try (runner) {
      new Trainer(config, List.of()).train(state, runner);
    }
    return state;
  }

  private static TrainingState averaged(RunConfig config) throws IOException {
    return trained(config, AveragingRounds.on(cluster, ShardPlan.of(config)));
  }

  @Test
  void oneWorkerThatAveragesEveryMinibatchIsOneNetworkThatIsFitted() throws IOException {
    RunConfig config = config("training.shards=1", "training.local-steps=1");
    ShardPlan plan = ShardPlan.of(config);
    MultiLayerNetwork network = new MultiLayerNetwork(WorkerNetwork.of(plan));
    network.init();
    network.setParams(Nd4j.create(Dl4jModel.toDl4j(plan.model(), start(config))).reshape(1, -1));
    SequenceBatch batch = plan.task().newBatch();
    for (int round = 0; round < config.stop().rounds(); round++) {
      plan.task().generate(new BatchKey(plan.seed(), Purpose.TRAINING, round, 0, 0), batch);
      network.getLayerWiseConfigurations().setIterationCount(round);
      network.fit(Dl4jData.of(batch));
    }
    TrainingState state = averaged(config);
    assertThat(state.parameters())
        .containsExactly(Dl4jModel.parameters(plan.model(), network), within(0f));
    assertThat(state.local()[0])
        .containsExactly(
            Dl4jModel.fromDl4j(plan.model(), network.getUpdater().getStateViewArray()), within(0f));
  }

  @Test
  void goesOnFromACheckpointWithTheSameBits() throws IOException {
    RunConfig whole = config();
    RunConfig half = config("stop.rounds=3", "training.local-optimizer.decay-rounds=6");
    TrainingState cut = averaged(half);
    byte[] bytes = Checkpoint.encode(whole, cut.snapshot(), cut.back());
    TrainingState resumed = Checkpoint.decode("checkpoint", bytes).state();
    trained(whole, AveragingRounds.on(cluster, ShardPlan.of(whole)), resumed);
    // Two workers: their sum has one rounding, whichever ends first.
    assertThat(resumed.parameters()).isEqualTo(averaged(whole).parameters());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "model.peepholes=false",
        "model.peepholes=true",
        "task.targets=recall",
        "model.layers=[1, (lstm, 4), (lstm, 3), 1]",
        "training.local-optimizer.warm-up-rounds=3",
        "training.local-optimizer.clip-norm=0.05",
        "training.local-optimizer.clip-element=0.01",
        "training.local-optimizer.algorithm=sgd"
      })
  void averagesWhatRoundsWithTheSameSettingsAverage(String setting) throws IOException {
    RunConfig theirs = config(setting);
    RunConfig ours = config(setting, "training.strategy=rounds");
    TrainingState begun = TrainingState.initial(ours, start(ours));
    double steps = ShardPlan.of(ours).countedSteps();
    for (float[] slot : begun.local()) { // where the updater begins, in our scale
      Arrays.fill(slot, (float) (1e-8 / steps));
    }
    TrainingState expected = trained(ours, new LocalRounds(ShardPlan.of(ours), 2), begun);
    TrainingState state = averaged(theirs);
    assertThat(state.parameters()).containsExactly(expected.parameters(), within(FLOAT_ERROR));
    assertThat(state.examples()).isEqualTo(expected.examples());
  }
}
