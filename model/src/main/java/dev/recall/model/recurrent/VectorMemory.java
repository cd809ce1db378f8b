package dev.recall.model.recurrent;

import static dev.recall.model.recurrent.VectorMath.LANES;
import static dev.recall.model.recurrent.VectorMath.WIDTH;

import java.util.Arrays;

/**
 * The array that all rows of an engine lie in, begun where no vector lies across two lines of the
 * cache.
 *
 * <p>Note to the maintainer. A vector across two lines takes about three times as long to load. An
 * array begins at any multiple of eight bytes, the collector moves it, and Java does not say where
 * it lies. So the start is found by measurement, every now and then, among the four that there are.
 * Results do not depend on it. One array also means one base register and one length in the loops.
 */
final class VectorMemory {

  /** Calls of {@link #align} from one measurement to the next: a thousandth of the time. */
  private static final int INTERVAL = 512;

  /** Starts that differ, in floats: multiples of eight bytes below a vector's 32. */
  static final int[] STARTS = {0, 2, 4, 6};

  /** Floats that a measurement copies; the JVM does so by vectors, compiled or not. */
  private static final int SAMPLE = 1024;

  private static final int COPIES = 16;
  private static final int REPEATS = 6;

  /** Floats ahead of the first area, for the measurements. */
  private static final int HEAD = 3 * SAMPLE;

  /** Floats between two areas, so that equal rows of areas do not share lines of the cache. */
  private static final int GAP = 5 * LANES;

  private float[] floats = new float[HEAD + WIDTH];
  private int start;
  private int end;
  private int calls;
  private boolean moved;

  /** The array; another one after {@link #allocate}. */
  float[] floats() {
    return floats;
  }

  /** Forgets all areas. */
  void clear() {
    end = HEAD + start;
  }

  /** Offset of a new area. */
  int area(int count) {
    int at = end;
    end = Math.addExact(at, Math.addExact(count, GAP));
    return at;
  }

  /** Makes all areas there are, filled with zeros. */
  void allocate() {
    if (floats.length < end + WIDTH) {
      floats = new float[end + WIDTH];
    } else {
      Arrays.fill(floats, 0f);
    }
  }

  /** Measures, once in many calls. True: the start has changed, so areas are to be made anew. */
  boolean align() {
    if (calls++ % INTERVAL == 1) {
      moveTo(best());
    }
    boolean changed = moved;
    moved = false;
    return changed;
  }

  /** Changes the start, with effect from the next {@link #clear} on. */
  void moveTo(int floatsAhead) {
    moved |= floatsAhead != start;
    start = floatsAhead;
  }

  /** The start that is best by a tenth, or the present one. */
  private int best() {
    int best = start;
    long least = nanos(start) * 9 / 10;
    for (int candidate : STARTS) {
      long nanos = nanos(candidate);
      if (nanos < least) {
        best = candidate;
        least = nanos;
      }
    }
    return best;
  }

  /** Least time of copying the sample from one place to another, both with this start. */
  private long nanos(int from) {
    long least = Long.MAX_VALUE;
    for (int i = 0; i < REPEATS; i++) {
      long begin = System.nanoTime();
      for (int copy = 0; copy < COPIES; copy++) {
        System.arraycopy(floats, from, floats, from + SAMPLE * 3 / 2, SAMPLE);
      }
      least = Math.min(least, System.nanoTime() - begin);
    }
    return least;
  }
}
