package dev.recall.datagen;

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

/** Time of one generated batch of the seed's task and of its parts on one thread, by kernel. */
@State(Scope.Thread)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(
    value = 3,
    jvmArgs = {"--add-modules", "jdk.incubator.vector"})
public class GenerateBenchmark {

  /** Words of a batch: 296 blocks, in chunks. */
  private static final int BLOCKS = 296;

  @Param({"vector", "plain"})
  public String kernel;

  private RandomKernel random;
  private MemoryTask task;
  private SequenceBatch batch;
  private int[] words;
  private float[] values;
  private int step;

  @Setup
  public void prepare() {
    random = kernel.equals("vector") ? RandomKernels.vector().orElseThrow() : new PlainKernel();
    task = new MemoryTask(20, 3, 1, 32, Targets.ALL);
    batch = new SequenceBatch(20, 32, 1, 1, new RandomKernels(random, Long.MAX_VALUE));
    random.open(new BatchKey(13, Purpose.TRAINING, 0, 0, 0));
    words = new int[4 * RandomKernel.CHUNK];
    values = new float[4 * RandomKernel.CHUNK];
  }

  @Benchmark
  public SequenceBatch generate() {
    task.generate(new BatchKey(13, Purpose.TRAINING, 0, 0, step++ & 0xffff), batch);
    return batch;
  }

  @Benchmark
  public int[] philox() {
    for (int b = 0; b < BLOCKS; b += RandomKernel.CHUNK) {
      random.words(b, Math.min(RandomKernel.CHUNK, BLOCKS - b), words);
    }
    return words;
  }

  @Benchmark
  public float[] boxMuller() {
    for (int b = 0; b < BLOCKS; b += RandomKernel.CHUNK) {
      random.gaussians(words, values, 0, 4 * Math.min(RandomKernel.CHUNK, BLOCKS - b));
    }
    return values;
  }
}
