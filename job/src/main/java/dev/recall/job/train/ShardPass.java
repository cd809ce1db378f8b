package dev.recall.job.train;

import dev.recall.datagen.BatchKey;
import dev.recall.datagen.Purpose;
import dev.recall.datagen.SequenceBatch;
import dev.recall.model.GradientEngine;
import dev.recall.model.GradientSum;
import dev.recall.model.ParameterLayout;

/**
 * The work of one shard in one round: the only code of training that runs on executors. A pure
 * function of its arguments; the object holds buffers and serves one thread at a time.
 *
 * <p>Without local steps the sum's vector is the gradient. With local steps it is [displacement |
 * state of the local optimizer, slot by slot], where displacement is the start minus the end, so
 * that the driver's optimizer can take its mean as a gradient.
 */
public final class ShardPass {

  private final ShardPlan plan;
  private final ParameterLayout layout;
  private final GradientEngine engine;
  private final SequenceBatch batch;

  /**
   * Allocates the buffers.
   *
   * @param plan what the run's shards have in common
   */
  public ShardPass(ShardPlan plan) {
    this.plan = plan;
    this.layout = plan.model().layout();
    this.engine = plan.engine().engine(plan.model());
    this.batch = plan.task().newBatch();
  }

  /**
   * Computes a shard's contribution.
   *
   * @param parameters [parameters], the round's start; read only
   * @param localState [slots][parameters], the local optimizer's state at the round's start; read
   *     only
   * @param round round number from 0
   * @param shard shard number from 0
   * @return a fresh sum
   */
  public GradientSum run(float[] parameters, float[][] localState, int round, int shard) {
    if (plan.localSteps() > 1) {
      return localSteps(parameters, localState, round, shard);
    }
    GradientSum sum = new GradientSum(parameters.length);
    gradient(parameters, round, shard, 0, sum);
    return sum;
  }

  private GradientSum localSteps(float[] parameters, float[][] localState, int round, int shard) {
    int length = parameters.length;
    float[] current = parameters.clone();
    float[][] state = new float[localState.length][];
    for (int slot = 0; slot < state.length; slot++) {
      state[slot] = localState[slot].clone();
    }
    GradientSum step = new GradientSum(length);
    GradientSum total = new GradientSum(length * (1 + state.length));
    for (int h = 0; h < plan.localSteps(); h++) {
      step.clear();
      gradient(current, round, shard, h, step);
      total.addLoss(step.loss(), step.weight());
      divide(step.vector(), step.weight());
      double time = round + (double) h / plan.localSteps();
      plan.localOptimizer().update(current, step.vector(), state, layout, time);
    }
    float[] vector = total.vector();
    for (int i = 0; i < length; i++) {
      vector[i] = parameters[i] - current[i];
    }
    for (int slot = 0; slot < state.length; slot++) {
      System.arraycopy(state[slot], 0, vector, (slot + 1) * length, length);
    }
    return total;
  }

  private void gradient(float[] parameters, int round, int shard, int step, GradientSum sum) {
    BatchKey key = new BatchKey(plan.seed(), Purpose.TRAINING, round, shard, step);
    plan.task().generate(key, batch);
    engine.lossAndGradient(parameters, batch, sum);
  }

  /** Turns a sum into a mean, each value exactly rounded. */
  static void divide(float[] vector, double by) {
    for (int i = 0; i < vector.length; i++) {
      vector[i] = (float) (vector[i] / by);
    }
  }
}
