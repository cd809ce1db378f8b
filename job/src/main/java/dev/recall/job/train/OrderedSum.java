package dev.recall.job.train;

import dev.recall.model.GradientSum;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;

/**
 * Sums shards by one fixed tree over their numbers, so that the bits do not depend on how shards
 * are grouped into tasks.
 *
 * <p>Note to the maintainer. Node (start, size) holds shards start..start+size-1, size a power of
 * two and start a multiple of it. Two nodes of one size merge when the left one's start is a
 * multiple of twice the size: the left half takes in the right half. A task that ran any contiguous
 * range of shards is left with at most two nodes per level, which is all that it sends; the driver
 * goes on merging with the same rule. When the number of shards is no power of two, the nodes left
 * at the end are merged from the right. Blelloch and Demmel describe why a fixed tree is enough for
 * reproducible sums; nothing here is associative.
 */
public final class OrderedSum {

  private final List<Node> nodes = new ArrayList<>();

  /**
   * Adds one shard; shards come in rising order.
   *
   * @param shard its number
   * @param sum its contribution, kept and changed
   */
  public void add(int shard, GradientSum sum) {
    add(new Node(shard, 1, sum));
  }

  /**
   * Adds a node of another sum; nodes come in rising order without gaps.
   *
   * @param node the node, kept and changed
   * @throws IllegalStateException when shards are missing or twice there
   */
  public void add(Node node) {
    if (!nodes.isEmpty() && last().end() != node.start) {
      throw new IllegalStateException(
          "shard sums: expected shard " + last().end() + " next, found " + node.start);
    }
    nodes.add(node);
    while (nodes.size() > 1 && mergeable()) {
      mergeLastTwo();
    }
  }

  private boolean mergeable() {
    Node left = nodes.get(nodes.size() - 2);
    return left.size == last().size && left.start % (2 * left.size) == 0;
  }

  private void mergeLastTwo() {
    Node right = nodes.remove(nodes.size() - 1);
    Node left = nodes.remove(nodes.size() - 1);
    left.sum.add(right.sum);
    nodes.add(new Node(left.start, left.size + right.size, left.sum));
  }

  private Node last() {
    return nodes.get(nodes.size() - 1);
  }

  /**
   * Returns the nodes that did not merge.
   *
   * @return in rising order
   */
  public List<Node> nodes() {
    return List.copyOf(nodes);
  }

  /**
   * Merges what is left.
   *
   * @param shards how many shards there must be
   * @return the sum of all
   * @throws IllegalStateException when shards are missing
   */
  public GradientSum total(int shards) {
    if (nodes.isEmpty() || nodes.get(0).start != 0 || last().end() != shards) {
      throw new IllegalStateException(
          "shard sums: expected shards 0 to " + (shards - 1) + ", found " + nodes);
    }
    while (nodes.size() > 1) {
      mergeLastTwo();
    }
    return last().sum;
  }

  /**
   * Sum of the shards start..start+size-1. A plain class: it crosses the network under Kryo too.
   */
  public static final class Node implements Serializable {

    private static final long serialVersionUID = 1L;

    private final int start;
    private final int size;
    private final GradientSum sum;

    Node(int start, int size, GradientSum sum) {
      this.start = start;
      this.size = size;
      this.sum = sum;
    }

    int start() {
      return start;
    }

    GradientSum sum() {
      return sum;
    }

    /** The same shards' sum of a part of the vector. */
    Node slice(int from, int to) {
      return new Node(start, size, sum.slice(from, to));
    }

    private int end() {
      return start + size;
    }

    @Override
    public String toString() {
      return "shards " + start + " to " + (end() - 1);
    }
  }
}
