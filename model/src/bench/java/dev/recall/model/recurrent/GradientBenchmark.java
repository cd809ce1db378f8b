package dev.recall.model.recurrent;

import dev.recall.datagen.BatchKey;
import dev.recall.datagen.MemoryTask;
import dev.recall.datagen.Purpose;
import dev.recall.datagen.SequenceBatch;
import dev.recall.datagen.Targets;
import dev.recall.model.GlorotInitializer;
import dev.recall.model.GradientSum;
import dev.recall.model.RegressorSpec;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** Time of one gradient and one prediction on one thread, by engine and size. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 4, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(
    value = 2,
    jvmArgs = {"--add-modules", "jdk.incubator.vector"})
public class GradientBenchmark {

  @Param({"vector", "plain"})
  public String engine;

  @Param({"10"})
  public int hidden;

  @Param({"false", "true"})
  public boolean peepholes;

  @Param({"32"})
  public int batchSize;

  @Param({"20"})
  public int steps;

  private FusedEngine fused;
  private float[] parameters;
  private SequenceBatch batch;
  private GradientSum sum;
  private float[] outputs;

  @Setup
  public void prepare() {
    RegressorSpec spec = RegressorSpec.parse("[1, (lstm, " + hidden + "), 1]", peepholes);
    fused = engine.equals("vector") ? Engines.create(spec) : new PlainEngine(spec);
    parameters = new GlorotInitializer(1, 0.5).initialize(spec, 13);
    MemoryTask task = new MemoryTask(steps, 3, 1, batchSize, Targets.ALL);
    batch = task.newBatch();
    task.generate(new BatchKey(13, Purpose.TRAINING, 0, 0, 0), batch);
    sum = new GradientSum(parameters.length);
    outputs = new float[batch.targets().length];
  }

  @Benchmark
  public GradientSum gradient() {
    sum.clear();
    fused.lossAndGradient(parameters, batch, sum);
    return sum;
  }

  @Benchmark
  public float[] predict() {
    fused.predict(parameters, batch.inputs(), steps, batchSize, outputs);
    return outputs;
  }
}
