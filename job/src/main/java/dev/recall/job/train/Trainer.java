package dev.recall.job.train;

import dev.recall.datagen.Purpose;
import dev.recall.job.config.NotFiniteConfig;
import dev.recall.job.config.RunConfig;
import dev.recall.job.config.ValidationConfig;
import dev.recall.model.Evaluation;
import dev.recall.model.ParameterLayout;
import dev.recall.model.Predictor;
import dev.recall.model.optim.Optimizer;
import dev.recall.model.recurrent.Engines;
import java.io.IOException;
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
  private Optimizer optimizer;

  /**
   * Prepares training that stops by the configuration's rules.
   *
   * @param config the run's
   * @param listeners told in this order
   */
  public Trainer(RunConfig config, List<TrainingListener> listeners) {
    this(config, listeners, StoppingRule.of(config.stop()));
  }

  /**
   * Prepares training.
   *
   * @param config the run's
   * @param listeners told in this order
   * @param stop when to stop
   */
  public Trainer(RunConfig config, List<TrainingListener> listeners, StoppingRule stop) {
    this.config = config;
    this.layout = config.model().layout();
    this.plan = ShardPlan.of(config);
    this.predictor = Engines.create(config.model());
    this.stop = stop;
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
   *     and the optimizer state, is not finite and {@code training.not-finite} gives up; nothing of
   *     it is in the state
   */
  public TrainingOutcome train(TrainingState state, RoundRunner rounds) throws IOException {
    long start = System.nanoTime();
    long busy = 0;
    int first = state.round();
    scaleRates(state, rounds);
    Optional<StopReason> reason = stop.check(state, 0, validationAtStart(state));
    markBackWhereDue(state);
    while (reason.isEmpty()) {
      RoundSum result = rounds.run(state.round(), state.parameters(), state.local());
      busy = result.busyNanos() < 0 ? -1 : busy + result.busyNanos();
      Update update =
          rounds.updates()
              ? Update.made(state, result)
              : Update.of(state, result, optimizer, plan, layout);
      if (!update.isFinite()) {
        reject(state, update, rounds);
        if (state.round() < update.round()) {
          continue;
        }
      } else {
        apply(state, update);
      }
      Optional<Evaluation> validation = validate(state);
      markBackWhereDue(state);
      double seconds = (System.nanoTime() - start) / NANOS;
      for (TrainingListener listener : listeners) {
        listener.roundDone(
            new RoundReport(
                state.round(),
                update.loss(),
                update.norm(),
                state.examples(),
                seconds,
                validation));
      }
      reason = stop.check(state, seconds, validation);
      if (reason.isPresent() || saves(state.round())) {
        checkpoint(state);
      }
    }
    double seconds = (System.nanoTime() - start) / NANOS;
    double share =
        state.round() > first && busy >= 0
            ? busy / NANOS / seconds / rounds.parallelism()
            : Double.NaN;
    TrainingOutcome outcome = new TrainingOutcome(reason.get(), seconds, share);
    listeners.forEach(listener -> listener.finished(outcome));
    return outcome;
  }

  private void markBackWhereDue(TrainingState state) {
    if (state.round() % config.training().notFinite().backRounds() == 0) {
      state.markBack();
    }
  }

  private boolean saves(int round) {
    return round % config.checkpoint().everyRounds() == 0
        || round % config.training().notFinite().backRounds() == 0;
  }

  private void checkpoint(TrainingState state) throws IOException {
    for (TrainingListener listener : listeners) {
      listener.checkpoint(state);
    }
  }

  private void apply(TrainingState state, Update update) throws IOException {
    ChainLine line = update.chainLine(state.snapshot().link());
    state.now(update.applied(state.snapshot(), plan.examplesPerRound(), line.link()));
    chain(line);
  }

  /** Leaves the round out or goes back, as configured, or gives up. */
  private void reject(TrainingState state, Update update, RoundRunner rounds) throws IOException {
    NotFiniteConfig rule = config.training().notFinite();
    int before = state.snapshot().rejected();
    boolean halves = rule.policy() == NotFiniteConfig.Policy.HALVE;
    Rejection rejection =
        update.rejection(
            halves ? state.back().round() : update.round(), rateFactor(before + (halves ? 1 : 0)));
    if (rule.policy() == NotFiniteConfig.Policy.STOP || before >= rule.limit()) {
      throw new NumericalException(rejection, before);
    }
    Snapshot target = halves ? state.back() : state.snapshot();
    ChainLine line = update.chainLine(rejection, target);
    for (TrainingListener listener : listeners) {
      listener.rejected(rejection, target);
    }
    chain(line);
    if (halves) {
      state.goBack(line.link());
      scaleRates(state, rounds);
    } else {
      state.now(state.snapshot().rejecting(update.round(), line.link()));
    }
  }

  private void chain(ChainLine line) throws IOException {
    for (TrainingListener listener : listeners) {
      listener.chained(line);
    }
  }

  private double rateFactor(int rejected) {
    boolean halves = config.training().notFinite().policy() == NotFiniteConfig.Policy.HALVE;
    return halves ? Math.scalb(1.0, -rejected) : 1;
  }

  private void scaleRates(TrainingState state, RoundRunner rounds) {
    double factor = rateFactor(state.snapshot().rejected());
    optimizer = config.training().optimizer().withRateTimes(factor);
    if (factor != 1) {
      rounds.use(plan.withRateTimes(factor));
    }
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
        .map(best -> best.validated(evaluation.loss(), minImprovement, state.parameters()))
        .ifPresent(best -> state.now(state.snapshot().withBest(best)));
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
