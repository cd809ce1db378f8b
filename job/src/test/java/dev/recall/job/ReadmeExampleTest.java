package dev.recall.job;

import static org.assertj.core.api.Assertions.assertThat;

import dev.recall.datagen.BatchKey;
import dev.recall.datagen.SequenceBatch;
import dev.recall.datagen.SequenceTask;
import dev.recall.job.config.ConfigLoader;
import dev.recall.job.config.Configs;
import dev.recall.job.config.InvalidConfig;
import dev.recall.job.config.RunConfig;
import dev.recall.job.train.LocalRounds;
import dev.recall.job.train.RoundRunner;
import dev.recall.job.train.ShardPlan;
import dev.recall.job.train.Trainer;
import dev.recall.job.train.TrainingListener;
import dev.recall.job.train.TrainingOutcome;
import dev.recall.job.train.TrainingState;
import dev.recall.model.GlorotInitializer;
import dev.recall.model.GradientSum;
import dev.recall.model.RegressorSpec;
import dev.recall.model.format.Safetensors;
import dev.recall.model.optim.ClipByNorm;
import dev.recall.model.optim.LearningRate;
import dev.recall.model.optim.Momentum;
import dev.recall.model.optim.Optimizer;
import dev.recall.model.optim.ScaleByLearningRate;
import dev.recall.model.optim.ScaleByRms;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The Java of README and docs/recipes.md; {@link ReadmeTest} compares the lines. */
class ReadmeExampleTest {

  @Test
  void readmeTrainsWithoutSpark() throws InvalidConfig, IOException {
    List<Double> losses = new ArrayList<>();
    String summary;
    // README.md, loop
    List<String> settings = List.of("stop.rounds=5", "training.local-steps=4");
    RunConfig config = ConfigLoader.load(List.of(), settings);
    float[] start = config.initializer().initialize(config.model(), config.seed());
    TrainingState state = TrainingState.initial(config, start);
    TrainingListener listener = report -> losses.add(report.trainingLoss());
    try (RoundRunner rounds = new LocalRounds(ShardPlan.of(config), 2)) {
      TrainingOutcome outcome = new Trainer(config, List.of(listener)).train(state, rounds);
      summary = outcome.reason() + ", SHA-256 " + Safetensors.sha256(state.result());
    }
    // end
    assertThat(losses).hasSize(5);
    assertThat(summary).matches("ROUNDS, SHA-256 [0-9a-f]{64}");
  }

  @Test
  void readmePredictsWithTheModelInService(@TempDir Path folder) {
    String registry = folder.toString();
    List<String> retrain =
        List.of("retrain", "--without-spark", "--registry", registry, "--name", "memory");
    int steps = 6;
    int batchSize = 3;
    float[] inputs = new float[steps * batchSize];
    assertThat(Commands.recall(Commands.with(Configs.smallWith(), retrain.toArray(new String[0]))))
        .returns(0, Commands.Result::exitCode);
    // README.md, service
    Recall recall = Recall.load(registry, "memory");
    float[] outputs = recall.model().predict(inputs, steps, batchSize);
    boolean another = recall.refresh(); // when a promotion may be noticed
    // end
    assertThat(outputs).hasSize(steps * batchSize);
    assertThat(another).isFalse();
  }

  // docs/recipes.md, task
  /** Repeat the input of some steps before. */
  record EchoTask(int steps, int batchSize, int delay) implements SequenceTask {

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
      return steps - delay;
    }

    /** 0: the steps that count repeat an input, and the others have weight 0. */
    @Override
    public double bayesLoss() {
      return 0;
    }

    @Override
    public void generate(BatchKey key, SequenceBatch batch) {
      batch.stream(key).gaussians(batch.inputs(), 0, batch.inputs().length);
      bestPrediction(batch, batch.targets());
      Arrays.fill(batch.weights(), 0, delay * batchSize, 0f);
      Arrays.fill(batch.weights(), delay * batchSize, batch.weights().length, 1f);
    }

    @Override
    public void bestPrediction(SequenceBatch batch, float[] predictions) {
      int before = delay * batch.batchSize();
      Arrays.fill(predictions, 0, before, 0f);
      System.arraycopy(batch.inputs(), 0, predictions, before, predictions.length - before);
    }
  }

  // end

  @Test
  void recipeTrainsOnATaskOfItsOwn() {
    double loss;
    // docs/recipes.md, loop
    RegressorSpec model = RegressorSpec.parse("[1, (lstm, 4), 1]", true);
    Optimizer optimizer =
        new Optimizer(
            List.of(
                new ClipByNorm(1, true),
                ScaleByRms.theanets(14, 1e-8),
                new ScaleByLearningRate(LearningRate.constant(0.003)),
                new Momentum(0.9, false)));
    ShardPlan plan = new ShardPlan(7, new EchoTask(8, 16, 2), model, 4, 1, optimizer);
    float[] parameters = new GlorotInitializer(1, 0.5).initialize(model, 7);
    float[][] state = optimizer.initialState(parameters.length);
    try (RoundRunner rounds = new LocalRounds(plan, 2)) {
      loss = Double.NaN;
      for (int round = 0; round < 300; round++) {
        GradientSum sum = rounds.run(round, parameters, new float[0][]).sum();
        float[] gradient = sum.vector();
        for (int i = 0; i < gradient.length; i++) {
          gradient[i] = (float) (gradient[i] / sum.weight());
        }
        optimizer.update(parameters, gradient, state, model.layout(), round);
        loss = sum.meanLoss();
      }
    }
    // end
    // Predicting zero gives 1.
    assertThat(loss).isLessThan(0.7);
  }
}
