package dev.recall.datagen;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/**
 * The errors that the Javadoc of {@link BoxMuller} states, against {@link StrictMath} in double.
 */
class BoxMullerTest {
  private static final double LN_2 = StrictMath.log(2);
  private static final int[] EXPONENTS = {0, 1, 2, 3, 7, 31};

  @Test
  void logarithmHasTheStatedError() {
    double worst = 0;
    for (int i = 0; i < 1 << 23; i += 7) {
      float m = Float.intBitsToFloat(0x3f3504f3 + i);
      double ln = StrictMath.log(m);
      for (int e : EXPONENTS) {
        if (e > 0 || m < 1f) {
          double exact = 2 * (e * LN_2 - ln);
          worst = Math.max(worst, Math.abs(BoxMuller.minusTwoLog(m, e) - exact) / exact);
        }
      }
    }
    assertThat(worst).isLessThan(1.5e-7);
  }

  @Test
  void sineAndCosineHaveTheStatedErrorAndStayInRange() {
    double sine = 0;
    double cosine = 0;
    boolean inRange = true;
    for (int i = -(1 << 24); i <= 1 << 24; i += 13) {
      float t = i * 0x1p-24f;
      float s = BoxMuller.sine(t);
      float c = BoxMuller.cosine(t);
      sine = Math.max(sine, Math.abs(s - StrictMath.sin(t * (Math.PI / 2))));
      cosine = Math.max(cosine, Math.abs(c - StrictMath.cos(t * (Math.PI / 2))));
      inRange &= Math.abs(s) <= 1f && c >= 0f && c <= 1f;
    }
    assertThat(inRange).isTrue();
    assertThat(sine).isLessThan(1e-7);
    assertThat(cosine).isLessThan(1e-7);
  }

  /** Every magnitude of the radius word gets the same share, so that the tail is examined too. */
  @Test
  void gaussiansAreWithinOneMillionthOfTheExactTransform() {
    SplittableRandom random = new SplittableRandom(1);
    int[] words = new int[2 * BoxMuller.PAIRS];
    float[] out = new float[words.length];
    BoxMuller boxMuller = new BoxMuller();
    double worst = 0;
    for (int k = 0; k < 3200; k++) {
      for (int i = 0; i < words.length; i += 2) {
        words[i] = random.nextInt() >>> (k % 32);
        words[i + 1] = random.nextInt();
      }
      boxMuller.transform(words, out, 0, words.length);
      for (int i = 0; i < words.length; i += 2) {
        double u = ((words[i] >>> 1) + 0.5f) * 0x1p-31;
        double angle = words[i + 1] * 0x1p-31f * (Math.PI / 2);
        double r = StrictMath.sqrt(-2 * StrictMath.log(u));
        double x = (words[i] & 1) == 0 ? r * StrictMath.cos(angle) : -r * StrictMath.cos(angle);
        worst = Math.max(worst, Math.abs(out[i] - x));
        worst = Math.max(worst, Math.abs(out[i + 1] - r * StrictMath.sin(angle)));
      }
    }
    assertThat(worst).isLessThan(1e-6);
  }

  @Test
  void extremeWordsGiveTheStatedValues() {
    float largest = (float) Math.sqrt(64 * LN_2); // 6.66
    int most = Integer.MAX_VALUE;
    assertThat(pair(0, 0)).containsExactly(largest, 0f);
    assertThat(pair(1, 0)).containsExactly(-largest, 0f);
    assertThat(pair(0, most)[1]).isEqualTo(largest);
    assertThat(pair(0, Integer.MIN_VALUE)[1]).isEqualTo(-largest);
    assertThat(Math.abs(pair(0, most)[0])).isLessThan(1e-6f);
    for (int p : new int[] {-1, -2, -128}) { // the 2^7 words whose u rounds to 1
      for (int q : new int[] {0, 1, -1, most, Integer.MIN_VALUE}) {
        assertThat(pair(p, q)).usingComparatorWithPrecision(0f).containsExactly(0f, 0f);
      }
    }
    assertThat(pair(-130, 0)[0]).isGreaterThan(1e-4f);
  }

  private static float[] pair(int p, int q) {
    float[] out = new float[2];
    new BoxMuller().transform(new int[] {p, q}, out, 0, 2);
    return out;
  }
}
