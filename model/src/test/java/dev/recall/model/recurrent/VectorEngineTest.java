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
      GradientSum plain = new GradientSum(parameters.length);
      GradientSum vector = new GradientSum(parameters.length);
      new PlainEngine(spec).lossAndGradient(parameters, batch, plain);
      engine(spec).lossAndGradient(parameters, batch, vector);
      String shape = spec + ", T=" + batch.steps() + ", B=" + batch.batchSize() + ", case " + i;
      assertThat(vector.vector()).as(shape).isEqualTo(plain.vector());
      assertThat(vector.loss()).as(shape).isEqualTo(plain.loss());
      assertThat(vector.weight()).as(shape).isEqualTo(plain.weight());
      assertThat(outputs(predictor(spec), parameters, batch))
          .as(shape)
          .isEqualTo(outputs(new PlainEngine(spec), parameters, batch));
    }
  }

  private static RegressorSpec spec(Random random) {
    StringBuilder layers = new StringBuilder("[" + (1 + random.nextInt(3)));
    for (int layer = random.nextInt(3); layer >= 0; layer--) {
      layers.append(", (lstm, ").append(1 + random.nextInt(13)).append(')');
    }
    return RegressorSpec.parse(
        layers.append(", ").append(1 + random.nextInt(3)).append(']').toString(),
        random.nextBoolean());
  }

  private static SequenceBatch batch(Random random, RegressorSpec spec) {
    SequenceBatch batch =
        new SequenceBatch(
            1 + random.nextInt(9), 1 + random.nextInt(50), spec.inputSize(), spec.outputSize());
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
