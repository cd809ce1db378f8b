package dev.recall.job.train;

import dev.recall.datagen.Purpose;
import dev.recall.job.config.RunConfig;
import dev.recall.job.config.ValidationConfig;
import dev.recall.model.Evaluation;
import dev.recall.model.GradientSum;
import dev.recall.model.ParameterLayout;
import dev.recall.model.Predictor;
import dev.recall.model.recurrent.Engines;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** The training loop: run a round, apply its sum, validate, save, and stop by rule. */
public final class Trainer {

  private static final double NANOS = 1e9;

  private final RunConfig config;
  private final ParameterLayout layout;
  private final ShardPlan plan;
  private final Predictor predictor;
  private final StoppingRule stop;
  private final List<TrainingListener> listeners;

  /**
   * Prepares training.
   *
   * @param config the run's
   * @param listeners told in this order
   */
  public Trainer(RunConfig config, List<TrainingListener> listeners) {
    this.config = config;
    this.layout = config.model().layout();
    this.plan = ShardPlan.of(config);
    this.predictor = Engines.create(config.model());
    this.stop = new StoppingRule(config.stop());
    this.listeners = List.copyOf(listeners);
  }

  /**
   * Trains until the stopping rule says so.
   *
   * @param state where to begin; holds the result afterwards
   * @param rounds runs the shards
   * @return how it ended
   * @throws IOException when a listener cannot write
   * @throws NumericalException when a round's loss or gradient, or what they make of the parameters
   *     and the optimizer state, is not finite; the state is that of the round before
   */
  public TrainingOutcome train(TrainingState state, RoundRunner rounds) throws IOException {
    long start = System.nanoTime();
    long busy = 0;
    int first = state.round();
    Optional<StopReason> reason = stop.check(state, 0, validationAtStart(state));
    while (reason.isEmpty()) {
      RoundSum result = rounds.run(state.round(), state.parameters(), state.local());
      busy += result.busyNanos();
      double norm = apply(state, result);
      Optional<Evaluation> validation = validate(state);
      double seconds = (System.nanoTime() - start) / NANOS;
      RoundReport report =
          new RoundReport(
              state.round(), result.sum().meanLoss(), norm, state.examples(), seconds, validation);
      for (TrainingListener listener : listeners) {
        listener.roundDone(report);
      }
      reason = stop.check(state, seconds, validation);
      if (reason.isPresent() || state.round() % config.checkpoint().everyRounds() == 0) {
        checkpoint(state);
      }
    }
    double seconds = (System.nanoTime() - start) / NANOS;
    double share =
        state.round() > first ? busy / NANOS / seconds / rounds.parallelism() : Double.NaN;
    TrainingOutcome outcome = new TrainingOutcome(reason.get(), seconds, share);
    listeners.forEach(listener -> listener.finished(outcome));
    return outcome;
  }

  private void checkpoint(TrainingState state) throws IOException {
    for (TrainingListener listener : listeners) {
      listener.checkpoint(state);
    }
  }

  /** Applies a round's sum to the state, all of it or nothing, and returns the mean's norm. */
  private double apply(TrainingState state, RoundSum result) {
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
    config.training().optimizer().update(parameters, mean, optimizer, layout, state.round());
    double after = norm(parameters);
    if (!Double.isFinite(sum.meanLoss() + norm + after + norms(optimizer) + norms(local))) {
      throw new NumericalException(
          state.round(), result.shardNotFinite(), sum.meanLoss(), norm, after);
    }
    state.roundDone(parameters, optimizer, local, plan.examplesPerRound());
    return norm;
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

  /**
   * Early stopping compares with the parameters before any training too, as theanets does. A run
   * that goes on from a round that was validated is judged by it again: it may have ended there.
   */
  private Optional<Evaluation> validationAtStart(TrainingState state) {
    if (state.round() == 0) {
      return state.best().isPresent() ? validate(state) : Optional.empty();
    }
    return validates(state) ? Optional.of(evaluate(state)) : Optional.empty();
  }

  private boolean validates(TrainingState state) {
    int every = config.validation().everyRounds();
    return every > 0 && state.round() % every == 0;
  }

  /** Validates where the round is due, and tells early stopping. */
  private Optional<Evaluation> validate(TrainingState state) {
    if (!validates(state)) {
      return Optional.empty();
    }
    Evaluation evaluation = evaluate(state);
    double minImprovement = config.stop().minImprovement();
    state
        .best()
        .ifPresent(best -> best.validated(evaluation.loss(), minImprovement, state.parameters()));
    return Optional.of(evaluation);
  }

  private Evaluation evaluate(TrainingState state) {
    ValidationConfig validation = config.validation();
    return Evaluation.of(
        predictor,
        state.parameters(),
        config.task(),
        config.seed(),
        Purpose.VALIDATION,
        validation.fresh() ? state.round() : 0,
        validation.batches());
  }
}
