package dev.recall.model.dl4j;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.recall.datagen.BatchKey;
import dev.recall.datagen.MemoryTask;
import dev.recall.datagen.Purpose;
import dev.recall.datagen.SequenceBatch;
import dev.recall.datagen.SequenceTask;
import dev.recall.datagen.Targets;
import dev.recall.model.EngineCase;
import dev.recall.model.Evaluation;
import dev.recall.model.GlorotInitializer;
import dev.recall.model.GradientSum;
import dev.recall.model.Numbers;
import dev.recall.model.RegressorSpec;
import dev.recall.model.format.Dl4jNetwork;
import dev.recall.model.format.Dl4jNetwork.RmsProp;
import dev.recall.model.format.Dl4jZip;
import dev.recall.model.format.FormatException;
import dev.recall.model.optim.LearningRate;
import dev.recall.model.optim.Optimizer;
import dev.recall.model.optim.ScaleByLearningRate;
import dev.recall.model.optim.ScaleByRms;
import dev.recall.model.recurrent.Engines;
import dev.recall.model.recurrent.FusedEngine;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipInputStream;
import org.deeplearning4j.gradientcheck.GradientCheckUtil;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.util.ModelSerializer;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.evaluation.regression.RegressionEvaluation;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;

/** Models that go to Deeplearning4j and come back. */
@NeedsDl4j
class Dl4jExchangeTest {

  private static final long SEED = 20261122;
  private static final double RATE = 2e-3;
  private static final double DECAY = 0.95;
  private static final double EPSILON = 1e-6;
  private static final Optimizer OURS =
      new Optimizer(
          List.of(
              new ScaleByRms(DECAY, EPSILON, false, false),
              new ScaleByLearningRate(LearningRate.constant(RATE))));

  /** The configuration as a tree: blanks and the order of keys may differ. */
  @ParameterizedTest
  @MethodSource("dev.recall.model.EngineCase#all")
  void zipHoldsTheBytesThatModelSerializerWrites(EngineCase shape)
      throws IOException, FormatException {
    RegressorSpec spec = shape.spec();
    float[] parameters = shape.parameters(0.5);
    float[] state = shape.parameters(2);
    RmsProp rmsProp = new RmsProp(RATE, DECAY, EPSILON, state);
    MultiLayerNetwork network = Dl4jModel.network(spec, parameters, dl4js(rmsProp));
    network.getUpdater(true).getStateViewArray().assign(Nd4j.create(Dl4jModel.toDl4j(spec, state)));
    byte[] theirs = written(network, true);
    Dl4jNetwork ours = Dl4jNetwork.of(spec, parameters, rmsProp);
    assertSameEntries(Dl4jZip.encode(ours), theirs);
    assertThat(Dl4jZip.decode(theirs)).usingRecursiveComparison().isEqualTo(ours);

    byte[] plain = written(Dl4jModel.network(spec, parameters, null), true);
    assertSameEntries(Dl4jZip.encode(Dl4jNetwork.of(spec, parameters)), plain);
    assertThat(Dl4jZip.decode(plain))
        .usingRecursiveComparison()
        .isEqualTo(Dl4jNetwork.of(spec, parameters));
  }

  /**
   * Outputs differ by some 1e-7, of which the mean of the squares keeps less; float sums as much.
   */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void modelTrainedHereHasOurMeanSquaredErrorInRegressionEvaluation(boolean peepholes)
      throws IOException {
    Trained trained = new Trained(peepholes);
    trained.train(60);
    MultiLayerNetwork restored = restored(trained.zip());
    RegressionEvaluation theirs = new RegressionEvaluation(1);
    FusedEngine engine = Engines.create(trained.spec);
    for (int shard = 0; shard < 5; shard++) {
      SequenceBatch batch = trained.batch(Purpose.TEST, shard);
      DataSet data = Dl4jData.of(batch);
      INDArray outputs = restored.output(data.getFeatures());
      theirs.evalTimeSeries(data.getLabels(), outputs, data.getLabelsMaskArray());
    }
    double ours =
        Evaluation.of(engine, trained.parameters, trained.task, SEED, Purpose.TEST, 0, 5).loss();
    assertThat(theirs.meanSquaredError(0)).isCloseTo(ours, within(1e-6 * ours));
    double untrained =
        Evaluation.of(engine, trained.start, trained.task, SEED, Purpose.TEST, 0, 5).loss();
    assertThat(ours).as("has learnt something").isLessThan(0.95 * untrained);
  }

  /**
   * Thirty steps here, then thirty by Deeplearning4j from the zip, thirty here again from its zip,
   * against ninety here. Steps of 2e-3 differ by float roundings, which RMSProp carries on where a
   * gradient is near 0: 1e-4 is a twentieth of one step.
   */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void trainingGoesOnInDeeplearning4jAndBackAsIfItHadStayed(boolean peepholes)
      throws IOException, FormatException {
    Trained stayed = new Trained(peepholes);
    stayed.train(30);
    Trained gone = new Trained(peepholes);
    gone.train(30);

    MultiLayerNetwork there = restored(gone.zip());
    for (int step = 30; step < 60; step++) {
      there.fit(Dl4jData.of(gone.batch(Purpose.TRAINING, step)));
      if (step == 30) {
        stayed.train(31);
        assertClose(Dl4jModel.parameters(gone.spec, there), stayed.parameters, 1e-6);
      }
    }
    stayed.train(60);
    assertClose(Dl4jModel.parameters(gone.spec, there), stayed.parameters, 1e-4);

    gone.takeBack(Dl4jZip.decode(written(there, true)), 60);
    assertThat(gone.parameters).isEqualTo(Dl4jModel.parameters(gone.spec, there));
    gone.train(90);
    stayed.train(90);
    assertClose(gone.parameters, stayed.parameters, 1e-4);
    SequenceBatch batch = stayed.batch(Purpose.TEST, 0);
    assertClose(outputs(gone, batch), outputs(stayed, batch), 1e-3);
  }

  @ParameterizedTest
  @MethodSource("dev.recall.model.EngineCase#all")
  void restoredNetworkHasOurOutputs(EngineCase shape) throws IOException {
    float[] parameters = shape.parameters(0.5);
    SequenceBatch batch = shape.batch(31);
    byte[] zip = Dl4jZip.encode(Dl4jNetwork.of(shape.spec(), parameters));
    float[] theirs = timeMajor(restored(zip).output(Dl4jData.inputs(batch)));
    float[] ours = new float[theirs.length];
    Engines.create(shape.spec())
        .predict(parameters, batch.inputs(), batch.steps(), batch.batchSize(), ours);
    Numbers.assertClose(Numbers.doubles(theirs), Numbers.doubles(ours), 4e-6);
  }

  /**
   * Deeplearning4j's own check, in double as it demands, of {@link Dl4jEngine}'s network and of the
   * one with its own loss. Differences over 1e-5 of a score around 10 are good to 1e-10.
   */
  @ParameterizedTest
  @CsvSource({"true, true", "true, false", "false, true", "false, false"})
  void deeplearning4jsGradientCheckAcceptsTheNetwork(boolean peepholes, boolean weighted) {
    EngineCase shape = new EngineCase(3, 2, 1, List.of(2, 1), 2, peepholes);
    RegressorSpec spec = shape.spec();
    SequenceBatch batch = shape.batch(7);
    MultiLayerNetwork network =
        weighted ? Dl4jEngine.network(spec) : Dl4jModel.network(spec, shape.parameters(0.5), null);
    network.setParams(Nd4j.create(Dl4jModel.toDl4j(spec, shape.parameters(0.5))).reshape(1, -1));
    DataType before = Nd4j.dataType();
    Nd4j.setDefaultDataTypes(DataType.DOUBLE, DataType.DOUBLE);
    try {
      INDArray labels = weighted ? WeightedSquares.labels(batch) : Dl4jData.targets(batch);
      assertThat(
              GradientCheckUtil.checkGradients(
                  new GradientCheckUtil.MLNConfig()
                      .net(network.convertDataType(DataType.DOUBLE))
                      .epsilon(1e-5)
                      .maxRelError(1e-5)
                      .minAbsoluteError(1e-9)
                      .exitOnFirstError(true)
                      .input(Dl4jData.inputs(batch).castTo(DataType.DOUBLE))
                      .labels(labels.castTo(DataType.DOUBLE))))
          .isTrue();
    } finally {
      Nd4j.setDefaultDataTypes(before, before);
    }
  }

  /** A regressor on the memory task, a step at a time with RMSProp as Deeplearning4j has it. */
  private static final class Trained {
    private final SequenceTask task = new MemoryTask(12, 3, 1, 16, Targets.RECALL);
    private final RegressorSpec spec;
    private final FusedEngine engine;
    private final float[] start;
    private final SequenceBatch batch = task.newBatch();
    private float[] parameters;
    private float[][] state;
    private int steps;

    Trained(boolean peepholes) {
      spec = RegressorSpec.parse("[1, (lstm, 6), 1]", peepholes);
      engine = Engines.create(spec);
      start = new GlorotInitializer(1, 1).initialize(spec, SEED);
      parameters = start.clone();
      state = OURS.initialState(parameters.length);
    }

    SequenceBatch batch(Purpose purpose, int number) {
      boolean training = purpose == Purpose.TRAINING;
      BatchKey key = new BatchKey(SEED, purpose, training ? number : 0, training ? 0 : number, 0);
      task.generate(key, batch);
      return batch;
    }

    void train(int until) {
      for (; steps < until; steps++) {
        GradientSum sum = new GradientSum(parameters.length);
        engine.lossAndGradient(parameters, batch(Purpose.TRAINING, steps), sum);
        float[] mean = Numbers.mean(sum);
        OURS.update(parameters, mean, state, spec.layout(), steps);
      }
    }

    byte[] zip() {
      RmsProp rmsProp = RmsProp.ofMean(RATE, DECAY, EPSILON, state[0], task.recallSteps());
      return Dl4jZip.encode(Dl4jNetwork.of(spec, parameters, rmsProp));
    }

    void takeBack(Dl4jNetwork network, int after) {
      assertThat(network.spec()).isEqualTo(spec);
      RmsProp rmsProp = network.rmsProp().orElseThrow();
      assertThat(rmsProp.learningRate()).isEqualTo(RATE);
      assertThat(rmsProp.decay()).isEqualTo(DECAY);
      assertThat(rmsProp.epsilon() / task.recallSteps()).isCloseTo(EPSILON, within(1e-12));
      parameters = network.parameters();
      state[0] = rmsProp.toMean(task.recallSteps());
      steps = after;
    }
  }

  private static org.nd4j.linalg.learning.config.RmsProp dl4js(RmsProp rmsProp) {
    return new org.nd4j.linalg.learning.config.RmsProp(
        rmsProp.learningRate(), rmsProp.decay(), rmsProp.epsilon());
  }

  private static float[] outputs(Trained trained, SequenceBatch batch) {
    float[] outputs = new float[batch.targets().length];
    trained.engine.predict(
        trained.parameters, batch.inputs(), batch.steps(), batch.batchSize(), outputs);
    return outputs;
  }

  private static float[] timeMajor(INDArray y) {
    return y.permute(2, 0, 1).dup('c').data().asFloat();
  }

  private static void assertClose(float[] actual, float[] expected, double tolerance) {
    Numbers.assertClose(Numbers.doubles(actual), Numbers.doubles(expected), tolerance);
  }

  private static MultiLayerNetwork restored(byte[] zip) throws IOException {
    return ModelSerializer.restoreMultiLayerNetwork(new ByteArrayInputStream(zip), true);
  }

  private static byte[] written(MultiLayerNetwork network, boolean updater) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    ModelSerializer.writeModel(network, bytes, updater);
    return bytes.toByteArray();
  }

  private static void assertSameEntries(byte[] ours, byte[] theirs) throws IOException {
    Map<String, byte[]> expected = unzipped(theirs);
    Map<String, byte[]> actual = unzipped(ours);
    assertThat(actual.keySet()).isEqualTo(expected.keySet());
    String json = "configuration.json";
    ObjectMapper mapper = new ObjectMapper();
    assertThat(mapper.readTree(actual.remove(json)))
        .isEqualTo(mapper.readTree(expected.remove(json)));
    actual.forEach((name, bytes) -> assertThat(bytes).as(name).isEqualTo(expected.get(name)));
  }

  private static Map<String, byte[]> unzipped(byte[] bytes) throws IOException {
    Map<String, byte[]> entries = new HashMap<>();
    try (ZipInputStream zip = new ZipInputStream(new ByteArrayInputStream(bytes))) {
      for (ZipEntry next = zip.getNextEntry(); next != null; next = zip.getNextEntry()) {
        entries.put(next.getName(), zip.readAllBytes());
      }
    }
    return entries;
  }
}
