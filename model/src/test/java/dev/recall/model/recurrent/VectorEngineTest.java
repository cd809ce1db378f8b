package dev.recall.model.recurrent;

import static org.assertj.core.api.Assertions.assertThat;

import dev.recall.datagen.SequenceBatch;
import dev.recall.model.GradientEngine;
import dev.recall.model.GradientEngineContract;
import dev.recall.model.GradientSum;
import dev.recall.model.Predictor;
import dev.recall.model.RegressorSpec;
import dev.recall.model.TheanetsInitializer;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** The test JVM has the Vector API, so {@link Engines} makes the vector engine here. */
class VectorEngineTest implements GradientEngineContract {

  @Override
  public GradientEngine engine(RegressorSpec spec) {
    return Engines.create(spec);
  }

  @Override
  public Predictor predictor(RegressorSpec spec) {
    return Engines.create(spec);
  }

  @Test
  void isWhatThisJvmRuns() {
    assertThat(Engines.description()).isEqualTo("vector engine (jdk.incubator.vector)");
    assertThat(engine(RegressorSpec.parse("[1, (lstm, 2), 1]", true)))
        .isNotInstanceOf(PlainEngine.class);
  }

  /** Weights around 1, inputs around 1 and up to 100: gates saturated and not. */
  @Test
  void givesTheBitsOfThePlainEngineOnAThousandRandomShapes() {
    Random random = new Random(20261122);
    for (int i = 0; i < 1000; i++) {
      RegressorSpec spec = spec(random);
      SequenceBatch batch = batch(random, spec);
      float[] parameters = new TheanetsInitializer().initialize(spec, i);
      assertSameBits("case " + i, spec, parameters, engine(spec), batch);
    }
  }

  /** So many units and steps that what was read is worked on in several strips. */
  @Test
  void givesTheBitsOfThePlainEngineOnALargeLayer() {
    Random random = new Random(7);
    RegressorSpec spec = RegressorSpec.parse("[1, (lstm, 128), 1]", true);
    SequenceBatch batch = batch(random, 100, 33, spec);
    float[] parameters = new TheanetsInitializer().initialize(spec, 7);
    assertSameBits("large", spec, parameters, engine(spec), batch);
  }

  /** What an engine keeps from batch to batch must not show. */
  @Test
  void givesTheSameBitsAfterBatchesOfOtherShapes() {
    Random random = new Random(11);
    RegressorSpec spec = RegressorSpec.parse("[2, (lstm, 5), (lstm, 33), 3]", true);
    GradientEngine engine = engine(spec);
    for (int i = 0; i < 50; i++) {
      float[] parameters = new TheanetsInitializer().initialize(spec, i);
      assertSameBits("batch " + i, spec, parameters, engine, batch(random, spec));
    }
  }

  /** So many batches that the start of the memory is looked for several times. */
  @Test
  void givesTheBitsOfThePlainEngineWhereverItsMemoryStarts() {
    Random random = new Random(5);
    RegressorSpec spec = RegressorSpec.parse("[1, (lstm, 3), 1]", true);
    VectorEngine engine = new VectorEngine(spec);
    SequenceBatch batch = batch(random, 4, 19, spec);
    for (int i = 0; i < 1200; i++) {
      float[] parameters = new TheanetsInitializer().initialize(spec, i);
      engine.memory().moveTo(VectorMemory.STARTS[i % VectorMemory.STARTS.length]);
      assertSameBits("batch " + i, spec, parameters, engine, batch);
    }
  }

  private static void assertSameBits(
      String what,
      RegressorSpec spec,
      float[] parameters,
      GradientEngine engine,
      SequenceBatch batch) {
    String shape = what + ": " + spec + ", T=" + batch.steps() + ", B=" + batch.batchSize();
    GradientSum plain = new GradientSum(parameters.length);
    GradientSum vector = new GradientSum(parameters.length);
    new PlainEngine(spec).lossAndGradient(parameters, batch, plain);
    engine.lossAndGradient(parameters, batch, vector);
    assertThat(vector.vector()).as(shape).isEqualTo(plain.vector());
    assertThat(vector.loss()).as(shape).isEqualTo(plain.loss());
    assertThat(vector.weight()).as(shape).isEqualTo(plain.weight());
    assertThat(outputs((Predictor) engine, parameters, batch))
        .as(shape)
        .isEqualTo(outputs(new PlainEngine(spec), parameters, batch));
  }

  private static RegressorSpec spec(Random random) {
    int units = random.nextInt(10) == 0 ? 70 : 13;
    StringBuilder layers = new StringBuilder("[" + (1 + random.nextInt(3)));
    for (int layer = random.nextInt(3); layer >= 0; layer--) {
      layers.append(", (lstm, ").append(1 + random.nextInt(units)).append(')');
    }
    return RegressorSpec.parse(
        layers.append(", ").append(1 + random.nextInt(6)).append(']').toString(),
        random.nextBoolean());
  }

  private static SequenceBatch batch(Random random, RegressorSpec spec) {
    return batch(random, 1 + random.nextInt(9), 1 + random.nextInt(80), spec);
  }

  private static SequenceBatch batch(Random random, int steps, int sequences, RegressorSpec spec) {
    SequenceBatch batch = new SequenceBatch(steps, sequences, spec.inputSize(), spec.outputSize());
    float scale = random.nextInt(5) == 0 ? 100f : 1f;
    fill(batch.inputs(), random, scale);
    fill(batch.targets(), random, 1f);
    for (int i = 0; i < batch.weights().length; i++) {
      batch.weights()[i] = random.nextInt(3) == 0 ? 0f : random.nextFloat();
    }
    return batch;
  }

  private static void fill(float[] values, Random random, float scale) {
    for (int i = 0; i < values.length; i++) {
      values[i] = scale * (float) random.nextGaussian();
    }
  }

  private static float[] outputs(Predictor predictor, float[] parameters, SequenceBatch batch) {
    float[] outputs = new float[batch.targets().length];
    predictor.predict(parameters, batch.inputs(), batch.steps(), batch.batchSize(), outputs);
    return outputs;
  }
}
