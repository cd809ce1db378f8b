package dev.recall.job.plan;

import dev.recall.datagen.BatchKey;
import dev.recall.datagen.Purpose;
import dev.recall.datagen.SequenceBatch;
import dev.recall.job.config.RunConfig;
import dev.recall.job.train.ShardPlan;
import dev.recall.model.GradientEngine;
import dev.recall.model.GradientSum;
import dev.recall.model.ParameterLayout;
import dev.recall.model.optim.Optimizer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** Measures unit costs on this machine, with the engine and optimizers of a configuration. */
public final class Calibration {

  private static final double NANOS = 1e9;
  private static final int BLOCKS = 16;
  private static final double FASTER = 0.95;
  private static final double MOST_SECONDS = 15;

  private final RunConfig config;
  private final double seconds;

  private Calibration(RunConfig config, double seconds) {
    this.config = config;
    this.seconds = seconds;
  }

  /**
   * Measures everything but the empty round.
   *
   * @param config whose model, task and optimizers are measured
   * @param seconds to spend once the JVM has compiled the engine
   * @param emptyRound taken over
   * @return the costs
   */
  public static UnitCosts measure(RunConfig config, double seconds, EmptyRound emptyRound) {
    return new Calibration(config, seconds).measure().with(emptyRound);
  }

  private UnitCosts measure() {
    ShardPlan plan = ShardPlan.of(config);
    ParameterLayout layout = config.model().layout();
    int length = layout.size();
    float[] parameters = config.initializer().initialize(config.model(), config.seed());
    GradientEngine engine = plan.engine().engine(config.model());
    SequenceBatch batch = config.task().newBatch();
    GradientSum sum = new GradientSum(length);
    int[] step = {0};
    double generate =
        time(
            0.15,
            () -> {
              BatchKey key = new BatchKey(plan.seed(), Purpose.TEST, 0, 0, step[0]++ & 0xff);
              config.task().generate(key, batch);
            });
    double gradient =
        time(
            0.6,
            () -> {
              sum.clear();
              engine.lossAndGradient(parameters, batch, sum);
            });
    double localStep = time(0.1, optimizer(plan.localOptimizer(), parameters, layout, sum));
    double update = time(0.1, optimizer(config.training().optimizer(), parameters, layout, sum));
    int sent = (int) Math.min(Integer.MAX_VALUE - 8, plan.vectorBytes() / 4);
    GradientSum left = new GradientSum(sent);
    GradientSum right = new GradientSum(sent);
    double merge = time(0.05, () -> left.add(right));
    return new UnitCosts(generate, gradient, localStep, merge, update, new EmptyRound(0, 0));
  }

  /** A step of an optimizer on a gradient that stays the same. */
  private static Runnable optimizer(
      Optimizer optimizer, float[] start, ParameterLayout layout, GradientSum sum) {
    float[] parameters = start.clone();
    float[] gradient = new float[start.length];
    float[][] state = optimizer.initialState(start.length);
    return () -> {
      float[] vector = sum.vector();
      for (int i = 0; i < gradient.length; i++) {
        gradient[i] = (float) (vector[i] / sum.weight());
      }
      optimizer.update(parameters, gradient, state, layout, 0);
    };
  }

  /**
   * Seconds of a piece of work, once it no longer becomes faster: the vector engine takes a
   * thousand times as long before the JVM has compiled it, and that takes as long as other threads
   * leave it.
   */
  private double time(double share, Runnable work) {
    long block = Math.max(1, Math.round(share * seconds * NANOS / BLOCKS));
    long start = System.nanoTime();
    double best = Double.POSITIVE_INFINITY;
    List<Double> settled = new ArrayList<>();
    while (settled.size() < BLOCKS) {
      double unit = unit(block, work);
      boolean faster = unit < FASTER * best;
      best = Math.min(best, unit);
      if (faster && System.nanoTime() - start < MOST_SECONDS * NANOS) {
        settled.clear();
      }
      settled.add(unit);
    }
    Collections.sort(settled);
    return settled.get(BLOCKS / 2);
  }

  /** Mean seconds of a piece of work over a block of time; at least one piece. */
  private static double unit(long nanos, Runnable work) {
    long start = System.nanoTime();
    long now;
    long count = 0;
    do {
      work.run();
      count++;
      now = System.nanoTime();
    } while (now - start < nanos);
    return (now - start) / NANOS / count;
  }
}
