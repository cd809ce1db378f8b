package dev.recall.job.train;

import dev.recall.job.config.RunConfig;
import dev.recall.job.config.UserError;
import java.util.Map;
import java.util.Optional;

/** Where a run is, and where it would go back to if a round were not finite. */
public final class TrainingState {

  private Snapshot now;
  private Snapshot back;

  /**
   * Takes over what a checkpoint holds.
   *
   * @param now the moment
   * @param back an earlier or the same moment
   */
  public TrainingState(Snapshot now, Snapshot back) {
    this.now = now;
    this.back = back;
  }

  /**
   * Returns the state before the first round.
   *
   * @param config the run's
   * @param parameters what to start from, kept
   * @return the state
   */
  public static TrainingState initial(RunConfig config, float[] parameters) {
    Snapshot start = Snapshot.initial(config, parameters);
    return new TrainingState(start, start);
  }

  /** Goes to another moment. */
  void now(Snapshot moment) {
    now = moment;
  }

  /** From here on this is where to go back to. */
  void markBack() {
    back = now;
  }

  /** Goes back, one rejected round later. */
  void goBack(String link) {
    back = back.rejecting(back.round(), link);
    now = back;
  }

  /**
   * Goes on with other settings that decide the bits of the run.
   *
   * @param changes new values by key
   * @param before the settings up to here
   * @param config the settings from here on
   * @return the line that says so
   * @throws UserError when the network is another
   */
  public ChainLine changed(Map<String, String> changes, RunConfig before, RunConfig config) {
    if (!before.model().equals(config.model())) {
      throw new UserError(
          "model: expected the network of the run, "
              + before.model()
              + ", which cannot change, found "
              + config.model());
    }
    ChainLine line = ChainLine.changed(now.link(), now.round(), changes, config);
    now = now.changed(before, config, line.link());
    back = now;
    return line;
  }

  /**
   * Returns the current moment. Later rounds do not change it.
   *
   * @return the snapshot
   */
  public Snapshot snapshot() {
    return now;
  }

  /**
   * Returns the moment to go back to.
   *
   * @return the current one or an earlier one
   */
  public Snapshot back() {
    return back;
  }

  /**
   * Returns how many rounds are done, which is the number of the next one.
   *
   * @return rounds
   */
  public int round() {
    return now.round();
  }

  /**
   * Returns how many sequences were trained on.
   *
   * @return sequences
   */
  public long examples() {
    return now.examples();
  }

  /**
   * Returns the current parameters themselves.
   *
   * @return [parameters]
   */
  public float[] parameters() {
    return now.parameters();
  }

  /**
   * Returns the driver's optimizer state itself.
   *
   * @return [slots][parameters]
   */
  public float[][] optimizer() {
    return now.optimizer();
  }

  /**
   * Returns the local optimizer's mean state itself.
   *
   * @return [slots][parameters]
   */
  public float[][] local() {
    return now.local();
  }

  /**
   * Returns the best validation so far.
   *
   * @return nothing when early stopping is off
   */
  public Optional<BestSoFar> best() {
    return now.best();
  }

  /**
   * Returns the parameters that a user of the model wants: see {@link Snapshot#result}.
   *
   * @return [parameters]
   */
  public float[] result() {
    return now.result();
  }
}
