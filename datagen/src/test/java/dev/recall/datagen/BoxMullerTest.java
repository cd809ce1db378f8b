package dev.recall.datagen;

import static org.assertj.core.api.Assertions.assertThat;

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
}
