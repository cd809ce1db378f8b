package dev.recall.model.recurrent;

/**
 * Branch-free sigmoid and tanh in float arithmetic.
 *
 * <p>Both rest on 2^t = 2^n p(t - n), where n is t rounded to a whole number by adding and
 * subtracting 1.5 * 2^23 and p is a polynomial of degree 5 (minimax on [-1/2, 1/2], relative error
 * about 1e-7). The scale 2^n is multiplied in, not added to the exponent bits, so that NaN stays
 * NaN. Only IEEE operations are used, each exactly rounded, so the bits are the same on every
 * machine; {@code Math.tanh} and {@code Math.exp} do not promise that.
 *
 * <p>Largest absolute error against double arithmetic: sigmoid {@value #SIGMOID_ERROR}, tanh
 * {@value #TANH_ERROR}. Arguments beyond +-87 (sigmoid) and +-43 (tanh) saturate; NaN and
 * infinities give NaN, by which an overflow is noticed.
 */
final class Activations {

  /** Bound on |sigmoid(x) - exact|, tested over all floats of a fine grid. */
  static final float SIGMOID_ERROR = 1.2e-7f;

  /** Bound on |tanh(x) - exact|, tested likewise. */
  static final float TANH_ERROR = 2.3e-7f;

  static final float LOG2_E = 1.442695041f;
  static final float ROUND = 12582912f; // 1.5 * 2^23
  static final int ROUND_BITS = 0x4B400000;
  static final float C0 = 1.0000001192092896f;
  static final float C1 = 0.6931469440460205f;
  static final float C2 = 0.24022120237350464f;
  static final float C3 = 0.05550713464617729f;
  static final float C4 = 0.009675541892647743f;
  static final float C5 = 0.0013276466634124517f;

  private Activations() {}

  /** 2^t for |t| below 2^21; saturates at 2^-126 and about 2^127 from there on. */
  static float exp2(float t) {
    float shifted = t + ROUND;
    float f = t - (shifted - ROUND);
    int n = Float.floatToRawIntBits(shifted);
    n = Math.max(ROUND_BITS - 126, Math.min(ROUND_BITS + 127, n)) - ROUND_BITS;
    float p = Math.fma(f, C5, C4);
    p = Math.fma(f, p, C3);
    p = Math.fma(f, p, C2);
    p = Math.fma(f, p, C1);
    p = Math.fma(f, p, C0);
    return p * Float.intBitsToFloat((n + 127) << 23);
  }

  /** 1 / (1 + e^-x). */
  static float sigmoid(float x) {
    return 1f / (1f + exp2(x * -LOG2_E));
  }

  /** 1 - 2 / (1 + e^2x). */
  static float tanh(float x) {
    return 1f - 2f / (1f + exp2(x * (2f * LOG2_E)));
  }
}
