package dev.recall.model.recurrent;

import java.util.concurrent.TimeUnit;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * The machine's peak: multiply-adds of eight floats on ten independent registers. Ops/ns times 16
 * are GFLOP/s.
 */
@State(Scope.Thread)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 4, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(
    value = 2,
    jvmArgs = {"--add-modules", "jdk.incubator.vector"})
public class PeakBenchmark {

  private static final VectorSpecies<Float> SPECIES = FloatVector.SPECIES_256;
  private static final int ROUNDS = 1000;
  private static final int REGISTERS = 10;

  /** Floating-point operations of one call. */
  public static final long FLOP = 16L * ROUNDS * REGISTERS;

  private final float[] values = new float[8 * REGISTERS];
  private float factor = 0.999f;

  @Benchmark
  @OperationsPerInvocation(ROUNDS * REGISTERS)
  public float[] multiplyAdd() {
    FloatVector f = FloatVector.broadcast(SPECIES, factor);
    FloatVector a = FloatVector.fromArray(SPECIES, values, 0);
    FloatVector b = FloatVector.fromArray(SPECIES, values, 8);
    FloatVector c = FloatVector.fromArray(SPECIES, values, 16);
    FloatVector d = FloatVector.fromArray(SPECIES, values, 24);
    FloatVector e = FloatVector.fromArray(SPECIES, values, 32);
    FloatVector g = FloatVector.fromArray(SPECIES, values, 40);
    FloatVector h = FloatVector.fromArray(SPECIES, values, 48);
    FloatVector i = FloatVector.fromArray(SPECIES, values, 56);
    FloatVector j = FloatVector.fromArray(SPECIES, values, 64);
    FloatVector k = FloatVector.fromArray(SPECIES, values, 72);
    for (int round = 0; round < ROUNDS; round++) {
      a = a.fma(f, f);
      b = b.fma(f, f);
      c = c.fma(f, f);
      d = d.fma(f, f);
      e = e.fma(f, f);
      g = g.fma(f, f);
      h = h.fma(f, f);
      i = i.fma(f, f);
      j = j.fma(f, f);
      k = k.fma(f, f);
    }
    a.add(b).add(c).add(d).add(e).add(g).add(h).add(i).add(j).add(k).intoArray(values, 0);
    return values;
  }
}
