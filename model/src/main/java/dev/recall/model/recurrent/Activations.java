package dev.recall.model.recurrent;

/**
 * The one activation that sigmoid and tanh are made of, branch-free and in float arithmetic: 1 / (1
 * + 2^t).
 *
 * <p>sigmoid(x) is that of t = x {@link #SIGMOID_SCALE}, and tanh(x) is 2 s - 1 with s that of t =
 * x {@link #TANH_SCALE}. The engines multiply the scales into the weights, once per call, so that
 * the products of a step are t already.
 *
 * <p>2^t = 2^n p(t - n), where n is t rounded to a whole number by adding and subtracting 1.5 *
 * 2^23 + 127, which leaves the exponent of 2^n with its bias in the low bits, and p is a polynomial
 * of degree 5 (minimax on [-1/2, 1/2], relative error about 1e-7). The scale 2^n is multiplied in,
 * not added to the exponent bits, so that NaN stays NaN. Only IEEE operations are used, each
 * exactly rounded, so the bits are the same on every machine; {@code Math.tanh} and {@code
 * Math.exp} do not promise that.
 *
 * <p>Largest absolute error against double arithmetic: sigmoid {@value #SIGMOID_ERROR}, tanh
 * {@value #TANH_ERROR}. Beyond t = +-126 the value saturates; NaN and infinities give NaN, by which
 * an overflow is noticed.
 */
final class Activations {

  /** Bound on |sigmoid(x) - exact|, tested over all floats of a fine grid. */
  static final float SIGMOID_ERROR = 1.2e-7f;

  /** Bound on |tanh(x) - exact|, tested likewise. */
  static final float TANH_ERROR = 2.3e-7f;

  /** t of a sigmoid's argument: -log2(e). */
  static final float SIGMOID_SCALE = -1.442695041f;

  /** t of a tanh's argument: -2 log2(e). */
  static final float TANH_SCALE = 2f * SIGMOID_SCALE;

  static final float ROUND = 12583039f; // 1.5 * 2^23 + 127

  /** Bits of {@link #ROUND} + n for n = -126 and n = 127. */
  static final int LOWEST = 0x4B400000 + 1;

  static final int HIGHEST = 0x4B400000 + 254;

  static final float C0 = 1.0000001192092896f;
  static final float C1 = 0.6931469440460205f;
  static final float C2 = 0.24022120237350464f;
  static final float C3 = 0.05550713464617729f;
  static final float C4 = 0.009675541892647743f;
  static final float C5 = 0.0013276466634124517f;

  private Activations() {}

  /** 1 / (1 + 2^t). */
  static float squash(float t) {
    float shifted = t + ROUND;
    float f = t - (shifted - ROUND);
    float p = Math.fma(f, C5, C4);
    p = Math.fma(f, p, C3);
    p = Math.fma(f, p, C2);
    p = Math.fma(f, p, C1);
    p = Math.fma(f, p, C0);
    int n = Math.max(Math.min(Float.floatToRawIntBits(shifted), HIGHEST), LOWEST);
    return 1f / (p * Float.intBitsToFloat(n << 23) + 1f);
  }
}
