package dev.recall.model.optim;

import dev.recall.model.ParameterLayout;
import java.io.Serializable;
import java.util.Arrays;
import java.util.List;

/**
 * A chain of stages that turns a gradient into an update, {@code parameters -= update}. Immutable;
 * its state is an array of vectors, one per slot, which checkpoints hold like any other array.
 *
 * <p>Where libraries disagree, the chain says which way it goes:
 *
 * <table>
 * <caption>RMSProp in four libraries</caption>
 * <tr><th>library</th><th>centred</th><th>epsilon</th><th>decay</th><th>momentum</th></tr>
 * <tr><td>theanets (downhill)</td><td>yes</td><td>1e-8 inside the root</td><td>half-life 14: 0.9517</td>
 *     <td>on the scaled update, learning rate included</td></tr>
 * <tr><td>PyTorch</td><td>by option</td><td>1e-8 outside the root</td><td>0.99</td>
 *     <td>before the learning rate</td></tr>
 * <tr><td>Keras</td><td>by option</td><td>1e-7, inside since version 2.12</td><td>0.9</td>
 *     <td>learning rate included</td></tr>
 * <tr><td>Deeplearning4j</td><td>no</td><td>1e-8 outside the root, and the start</td><td>0.95</td>
 *     <td>none</td></tr>
 * </table>
 *
 * @param stages applied first to last
 */
public record Optimizer(List<GradientTransform> stages) implements Serializable {

  /**
   * Copies the list.
   *
   * @param stages as above
   */
  public Optimizer {
    stages = List.copyOf(stages);
  }

  /**
   * Names the state vectors of all stages.
   *
   * @return names in the order of the state array
   */
  public List<String> slots() {
    return stages.stream().flatMap(stage -> stage.slots().stream()).toList();
  }

  /**
   * Returns the state before the first step.
   *
   * @param parameterCount number of parameters
   * @return zeros, [slots][parameters]
   */
  public float[][] initialState(int parameterCount) {
    return new float[slots().size()][parameterCount];
  }

  /**
   * Returns this chain with other learning rates.
   *
   * @param factor on the rate of every stage that has one
   * @return the chain
   */
  public Optimizer withRateTimes(double factor) {
    return new Optimizer(stages.stream().map(stage -> stage.withRateTimes(factor)).toList());
  }

  /**
   * Takes one step.
   *
   * @param parameters [parameters], changed
   * @param gradient [parameters], used as work space and left as the update
   * @param state [slots][parameters], read and written
   * @param layout blocks of the parameters
   * @param time the moment on the schedule, in rounds; fractions are local steps
   */
  public void update(
      float[] parameters, float[] gradient, float[][] state, ParameterLayout layout, double time) {
    int slot = 0;
    for (GradientTransform stage : stages) {
      int count = stage.slots().size();
      stage.apply(gradient, Arrays.copyOfRange(state, slot, slot + count), layout, time);
      slot += count;
    }
    for (int i = 0; i < parameters.length; i++) {
      parameters[i] -= gradient[i];
    }
  }
}
