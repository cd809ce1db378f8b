package dev.recall.job.dl4j;

import dev.recall.model.optim.LearningRate;
import org.nd4j.linalg.schedule.ISchedule;

/**
 * A learning rate over time, for updaters that count iterations.
 *
 * @param rate over rounds
 * @param localSteps iterations per round
 */
record RateSchedule(LearningRate rate, int localSteps) implements ISchedule {

  @Override
  public double valueAt(int iteration, int epoch) {
    return rate.at((double) iteration / localSteps);
  }

  @Override
  public ISchedule clone() {
    return this; // immutable
  }
}
