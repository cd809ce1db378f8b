package dev.recall.job.train;

import dev.recall.job.config.RunConfig;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * A moment of a run, between rounds: with the configuration, all that a continuation needs. Its
 * arrays are not changed by training.
 *
 * @param round rounds done
 * @param examples sequences trained on
 * @param parameters [parameters]
 * @param optimizer [slots][parameters] of the driver's optimizer
 * @param local [slots][parameters], the mean state of the shards' optimizer
 * @param best the best validation; nothing when early stopping is off
 * @param rejected rounds of the run that were not finite
 * @param link head of the hash chain
 */
public record Snapshot(
    int round,
    long examples,
    float[] parameters,
    float[][] optimizer,
    float[][] local,
    Optional<BestSoFar> best,
    int rejected,
    String link) {

  /** The moment before the first round; keeps the parameters. */
  static Snapshot initial(RunConfig config, float[] parameters) {
    int length = parameters.length;
    return new Snapshot(
        0,
        0,
        parameters,
        config.training().optimizer().initialState(length),
        new float[ShardPlan.of(config).localSlots()][length],
        config.stop().patience() > 0 ? Optional.of(BestSoFar.none(length)) : Optional.empty(),
        0,
        ChainLine.begin(config, parameters).link());
  }

  Snapshot withBest(BestSoFar validated) {
    return new Snapshot(
        round, examples, parameters, optimizer, local, Optional.of(validated), rejected, link);
  }

  /** The same under other settings: state that they do not have goes, and new state is zero. */
  Snapshot changed(RunConfig before, RunConfig now, String head) {
    Optional<BestSoFar> kept =
        now.stop().patience() > 0
            ? Optional.of(best.orElseGet(() -> BestSoFar.none(parameters.length)))
            : Optional.empty();
    List<String> driver = before.training().optimizer().slots();
    return new Snapshot(
        round,
        examples,
        parameters,
        slots(driver, optimizer, now.training().optimizer().slots()),
        slots(ShardPlan.of(before).localSlotNames(), local, ShardPlan.of(now).localSlotNames()),
        kept,
        rejected,
        head);
  }

  private float[][] slots(List<String> before, float[][] state, List<String> now) {
    float[][] slots = new float[now.size()][];
    for (int slot = 0; slot < slots.length; slot++) {
      int there = before.indexOf(now.get(slot));
      slots[slot] = there < 0 ? new float[parameters.length] : state[there];
    }
    return slots;
  }

  /** The same model after one more rejected round. */
  Snapshot rejecting(int rounds, String head) {
    return new Snapshot(rounds, examples, parameters, optimizer, local, best, rejected + 1, head);
  }

  /**
   * Compares with another moment.
   *
   * @param other maybe of another run
   * @return true when no bit differs
   */
  public boolean sameBits(Snapshot other) {
    return round == other.round
        && examples == other.examples
        && rejected == other.rejected
        && link.equals(other.link)
        && Arrays.equals(parameters, other.parameters)
        && Arrays.deepEquals(optimizer, other.optimizer)
        && Arrays.deepEquals(local, other.local)
        && best.isPresent() == other.best.isPresent()
        && (best.isEmpty() || best.get().sameBits(other.best.get()));
  }

  /**
   * Returns the parameters that a user of the model wants: the best validated ones when early
   * stopping is on and has seen any, else the current ones.
   *
   * @return [parameters]
   */
  public float[] result() {
    return best.filter(BestSoFar::seen).map(BestSoFar::parameters).orElse(parameters);
  }
}
