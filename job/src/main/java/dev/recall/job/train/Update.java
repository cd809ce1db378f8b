package dev.recall.job.train;

import dev.recall.model.GradientSum;
import dev.recall.model.ParameterLayout;
import dev.recall.model.optim.Optimizer;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;

/**
 * What a round's sum would make of a state; nothing is changed yet.
 *
 * @param round its number, from 1
 * @param loss weighted mean squared error on the round's batches
 * @param norm Euclidean length of the mean gradient or displacement
 * @param before [parameters] at the start of the round
 * @param parameters [parameters] after it
 * @param optimizer [slots][parameters] of the driver's optimizer after it
 * @param local [slots][parameters], the mean state of the shards' optimizer after it
 * @param shardNotFinite the first shard whose contribution is not finite, if any
 * @param shards digests of the shards' contributions, in their order
 */
record Update(
    int round,
    double loss,
    double norm,
    float[] before,
    float[] parameters,
    float[][] optimizer,
    float[][] local,
    OptionalInt shardNotFinite,
    List<String> shards) {

  static Update of(
      TrainingState state,
      RoundSum result,
      Optimizer rule,
      ShardPlan plan,
      ParameterLayout layout) {
    GradientSum sum = result.sum();
    int length = state.parameters().length;
    float[] mean = Arrays.copyOf(sum.vector(), length);
    ShardPass.divide(mean, plan.localSteps() > 1 ? plan.shards() : sum.weight());
    double norm = norm(mean);
    float[][] local = new float[state.local().length][];
    for (int slot = 0; slot < local.length; slot++) {
      local[slot] = Arrays.copyOfRange(sum.vector(), (slot + 1) * length, (slot + 2) * length);
      ShardPass.divide(local[slot], plan.shards());
    }
    float[] parameters = state.parameters().clone();
    float[][] optimizer = state.optimizer().clone();
    Arrays.setAll(optimizer, slot -> optimizer[slot].clone());
    rule.update(parameters, mean, optimizer, layout, state.round());
    return new Update(
        state.round() + 1,
        sum.meanLoss(),
        norm,
        state.parameters(),
        parameters,
        optimizer,
        local,
        result.shardNotFinite(),
        result.shardDigests());
  }

  /** What a runner with an update of its own has made: the sum is [parameters | state, by slot]. */
  static Update made(TrainingState state, RoundSum result) {
    float[] before = state.parameters();
    int length = before.length;
    float[] vector = result.sum().vector();
    float[] parameters = Arrays.copyOf(vector, length);
    float[] displacement = new float[length];
    for (int i = 0; i < length; i++) {
      displacement[i] = before[i] - parameters[i];
    }
    float[][] local = new float[state.local().length][];
    Arrays.setAll(
        local, slot -> Arrays.copyOfRange(vector, (slot + 1) * length, (slot + 2) * length));
    return new Update(
        state.round() + 1,
        result.sum().meanLoss(),
        norm(displacement),
        before,
        parameters,
        state.optimizer(),
        local,
        result.shardNotFinite(),
        result.shardDigests());
  }

  boolean isFinite() {
    return Double.isFinite(loss + norm + norm(parameters) + norms(optimizer) + norms(local));
  }

  private static double norms(float[][] vectors) {
    double norms = 0;
    for (float[] vector : vectors) {
      norms += norm(vector);
    }
    return norms;
  }

  private static double norm(float[] vector) {
    double squares = 0;
    for (float value : vector) {
      squares += (double) value * value;
    }
    return Math.sqrt(squares);
  }

  Rejection rejection(int backTo, double rateFactor) {
    return new Rejection(round, shardNotFinite, loss, norm, norm(parameters), backTo, rateFactor);
  }

  ChainLine chainLine(String link) {
    return ChainLine.round(link, round, before, parameters, loss, shards);
  }

  /** The line of a rejection goes behind what is left, which is the target. */
  ChainLine chainLine(Rejection rejection, Snapshot target) {
    return ChainLine.rejected(target.link(), rejection, before, target.parameters(), shards);
  }

  Snapshot applied(Snapshot state, long examples, String link) {
    return new Snapshot(
        round,
        state.examples() + examples,
        parameters,
        optimizer,
        local,
        state.best(),
        state.rejected(),
        link);
  }
}
