package dev.recall.model;

import java.io.Serializable;
import java.util.Arrays;
import java.util.List;

/**
 * A sum over sequences that merges: a vector, the loss and the weight they belong to.
 *
 * <p>With loss weights w and errors e the engine adds the gradient of sum(w e^2) to the vector,
 * sum(w e^2) to the loss and sum(w) to the weight; {@code vector / weight} is then the gradient of
 * the weighted mean squared error, whatever the number of batches. Addition of floats depends on
 * its order: whoever merges sums keeps to one order.
 *
 * <p>A plain class, not a record: Kryo cannot set the fields of a record.
 */
public final class GradientSum implements Serializable {

  private static final long serialVersionUID = 1L;

  private final float[] vector; // [parameters] or longer, see the owner
  private double loss;
  private double weight;

  /**
   * Creates a sum of nothing.
   *
   * @param length length of the vector
   */
  public GradientSum(int length) {
    this.vector = new float[length];
  }

  /**
   * Returns the vector itself, not a copy.
   *
   * @return summed vector
   */
  public float[] vector() {
    return vector;
  }

  /**
   * Returns the summed loss.
   *
   * @return sum of w e^2
   */
  public double loss() {
    return loss;
  }

  /**
   * Returns the summed weight.
   *
   * @return sum of w
   */
  public double weight() {
    return weight;
  }

  /**
   * Returns the weighted mean squared error.
   *
   * @return loss / weight, or NaN for a sum of nothing
   */
  public double meanLoss() {
    return loss / weight;
  }

  /**
   * Adds the loss of one batch.
   *
   * @param batchLoss sum of w e^2
   * @param batchWeight sum of w
   */
  public void addLoss(double batchLoss, double batchWeight) {
    loss += batchLoss;
    weight += batchWeight;
  }

  /**
   * Adds another sum to this one.
   *
   * @param other read only; its vector has the same length
   * @throws IllegalArgumentException when the lengths differ
   */
  public void add(GradientSum other) {
    if (other.vector.length != vector.length) {
      throw new IllegalArgumentException(
          "gradient sum: expected length " + vector.length + ", found " + other.vector.length);
    }
    for (int i = 0; i < vector.length; i++) {
      vector[i] += other.vector[i];
    }
    addLoss(other.loss, other.weight);
  }

  /**
   * Copies a part of the vector, with the whole loss and weight.
   *
   * @param from its first index
   * @param to the index behind its last
   * @return a sum of its own
   */
  public GradientSum slice(int from, int to) {
    GradientSum slice = new GradientSum(to - from);
    System.arraycopy(vector, from, slice.vector, 0, to - from);
    slice.addLoss(loss, weight);
    return slice;
  }

  /**
   * Puts slices of one sum together.
   *
   * @param slices one behind the other; at least one
   * @return the sum that they are slices of
   */
  public static GradientSum joined(List<GradientSum> slices) {
    int length = 0;
    for (GradientSum slice : slices) {
      length += slice.vector.length;
    }
    GradientSum sum = new GradientSum(length);
    int at = 0;
    for (GradientSum slice : slices) {
      System.arraycopy(slice.vector, 0, sum.vector, at, slice.vector.length);
      at += slice.vector.length;
    }
    sum.addLoss(slices.get(0).loss, slices.get(0).weight);
    return sum;
  }

  /**
   * Tells whether nothing in the sum is NaN or infinite.
   *
   * @return true when vector, loss and weight are finite
   */
  public boolean isFinite() {
    float sum = 0;
    for (float value : vector) {
      sum += value * 0f; // NaN for NaN and infinities
    }
    return sum == 0f && Double.isFinite(loss) && Double.isFinite(weight);
  }

  /** Sets vector, loss and weight to zero. */
  public void clear() {
    Arrays.fill(vector, 0);
    loss = 0;
    weight = 0;
  }
}
