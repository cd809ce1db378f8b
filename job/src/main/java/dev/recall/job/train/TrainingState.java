package dev.recall.job.train;

import dev.recall.job.config.RunConfig;
import java.util.Optional;

/** Everything that training changes: with the configuration, all that a continuation needs. */
public final class TrainingState {

  private int round;
  private long examples;
  private float[] parameters; // [parameters]
  private float[][] optimizer; // [slots][parameters], the driver's
  private float[][] local; // [slots][parameters], the shards' mean
  private final BestSoFar best;

  /**
   * Takes over arrays, as read from a checkpoint.
   *
   * @param round rounds done
   * @param examples sequences trained on
   * @param parameters [parameters], kept
   * @param optimizer [slots][parameters] of the driver's optimizer, kept
   * @param local [slots][parameters] of the local optimizer, kept
   * @param best the best validation, null when early stopping is off
   */
  public TrainingState(
      int round,
      long examples,
      float[] parameters,
      float[][] optimizer,
      float[][] local,
      BestSoFar best) {
    this.round = round;
    this.examples = examples;
    this.parameters = parameters;
    this.optimizer = optimizer;
    this.local = local;
    this.best = best;
  }

  /**
   * Returns the state before the first round.
   *
   * @param config the run's
   * @param parameters what to start from, kept
   * @return the state
   */
  public static TrainingState initial(RunConfig config, float[] parameters) {
    int length = parameters.length;
    BestSoFar best = config.stop().patience() > 0 ? BestSoFar.none(length) : null;
    float[][] local = new float[ShardPlan.of(config).localSlots()][length];
    float[][] optimizer = config.training().optimizer().initialState(length);
    return new TrainingState(0, 0, parameters, optimizer, local, best);
  }

  /** Takes over what a round came to; the arrays are kept. */
  void roundDone(float[] newParameters, float[][] newOptimizer, float[][] newLocal, long added) {
    parameters = newParameters;
    optimizer = newOptimizer;
    local = newLocal;
    round++;
    examples += added;
  }

  /**
   * Returns how many rounds are done, which is the number of the next one.
   *
   * @return rounds
   */
  public int round() {
    return round;
  }

  /**
   * Returns how many sequences were trained on.
   *
   * @return sequences
   */
  public long examples() {
    return examples;
  }

  /**
   * Returns the current parameters themselves.
   *
   * @return [parameters]
   */
  public float[] parameters() {
    return parameters;
  }

  /**
   * Returns the driver's optimizer state itself.
   *
   * @return [slots][parameters]
   */
  public float[][] optimizer() {
    return optimizer;
  }

  /**
   * Returns the local optimizer's mean state itself.
   *
   * @return [slots][parameters]
   */
  public float[][] local() {
    return local;
  }

  /**
   * Returns the best validation so far.
   *
   * @return nothing when early stopping is off
   */
  public Optional<BestSoFar> best() {
    return Optional.ofNullable(best);
  }

  /**
   * Returns the parameters that a user of the model wants: the best validated ones when early
   * stopping is on and has seen any, else the current ones.
   *
   * @return [parameters]
   */
  public float[] result() {
    return best != null && best.seen() ? best.parameters() : parameters;
  }
}
