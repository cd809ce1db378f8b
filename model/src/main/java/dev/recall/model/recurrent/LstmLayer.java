package dev.recall.model.recurrent;

import dev.recall.model.LstmSpec;
import dev.recall.model.ParameterLayout;
import java.util.Arrays;

/**
 * Forward and backward pass of one LSTM layer over 32 sequences; the formulas are those of {@link
 * LstmSpec}.
 *
 * <p>Note to the maintainer. The tape holds rows of lanes per time step, and in them what {@link
 * Activations#squash} gave: the gates i, f and o themselves, but s of g = 2 s - 1 and tanh(c) = 2 s
 * - 1. Going back, the row of a gate is overwritten by the derivative with respect to its
 * pre-activation, which is all that the weight gradients need; those are formed at the end, one
 * weight at a time over all steps. The loops over lanes are split so that each touches at most
 * eight arrays, see {@link Rows}.
 *
 * <p>Backward, with dh and dc from above and from the next step (Graves, "Supervised Sequence
 * Labelling with Recurrent Neural Networks", 2012, equations 4.12 to 4.22, with theanets' gates):
 *
 * <pre>
 * dzo = dh tanh(c) o (1 - o)              dc += dh o (1 - tanh(c)^2) + dzo co
 * dzi = dc g i (1 - i)                    dzg = dc i (1 - g^2)
 * dzf = dc c_{t-1} f (1 - f)              dc_{t-1} = dc f + dzi ci + dzf cf
 * dh_{t-1} += dz hh^T                     dx = dz xh^T
 * </pre>
 *
 * The products of dz run through the gates of a unit, then through the units.
 */
final class LstmLayer {

  private final int inputs;
  private final int size;
  private final boolean peepholes;
  private final int xh; // offset of [inputs, 4 size]
  private final int hh; // offset of [size, 4 size]
  private final int b; // offset of [4 size]
  private final int ci; // offset of [size]; also cf, co
  private final int cf;
  private final int co;

  private final float[] scaled; // parameters with the activations' scales multiplied in

  private float[][][] gates = {}; // [T][4 size][32], order i f c o; backward: derivatives
  private float[][][] cell; // [T][size][32]
  private float[][][] tanhCell; // [T][size][32]
  private float[][][] hidden; // [T][size][32]
  private final float[][] dCell; // [size][32], from the next step
  private final float[] dc = new float[Rows.LANES];
  private final float[] zeros = new float[Rows.LANES];
  private final float[] chains = new float[Rows.CHAINS];

  LstmLayer(LstmSpec spec, int inputs, String name, ParameterLayout layout) {
    this.inputs = inputs;
    this.size = spec.size();
    this.peepholes = spec.peepholes();
    this.xh = layout.offset(name + ".xh");
    this.hh = layout.offset(name + ".hh");
    this.b = layout.offset(name + ".b");
    this.ci = peepholes ? layout.offset(name + ".ci") : -1;
    this.cf = peepholes ? layout.offset(name + ".cf") : -1;
    this.co = peepholes ? layout.offset(name + ".co") : -1;
    this.scaled = new float[layout.size()];
    this.dCell = new float[size][Rows.LANES];
  }

  /** What a gate's pre-activation, order i f c o, is multiplied by before it is squashed. */
  static float scale(int gate) {
    return gate == 2 ? Activations.TANH_SCALE : Activations.SIGMOID_SCALE;
  }

  int size() {
    return size;
  }

  /** Outputs of the last forward pass, [T][size][32]. */
  float[][][] hidden() {
    return hidden;
  }

  /** Makes room for sequences of a length; keeps what fits. */
  void reserve(int steps) {
    if (gates.length < steps) {
      gates = Rows.allocate(steps, 4 * size);
      cell = Rows.allocate(steps, size);
      tanhCell = Rows.allocate(steps, size);
      hidden = Rows.allocate(steps, size);
    }
  }

  /**
   * Takes the parameters of the passes that follow.
   *
   * @param p parameters
   */
  void begin(float[] p) {
    for (int gate = 0; gate < 4; gate++) {
      for (int k = 0; k < inputs; k++) {
        scale(p, xh + (4 * k + gate) * size, scale(gate));
      }
      for (int k = 0; k < size; k++) {
        scale(p, hh + (4 * k + gate) * size, scale(gate));
      }
      scale(p, b + gate * size, scale(gate));
    }
    if (peepholes) {
      scale(p, ci, scale(0));
      scale(p, cf, scale(1));
      scale(p, co, scale(3));
    }
  }

  private void scale(float[] p, int from, float scale) {
    for (int i = from; i < from + size; i++) {
      scaled[i] = scale * p[i];
    }
  }

  /**
   * Computes cell states and outputs from the zero state.
   *
   * @param x [T][inputs][32]
   */
  void forward(float[][][] x, int steps) {
    int width = 4 * size;
    for (int t = 0; t < steps; t++) {
      float[][] z = gates[t];
      for (int r = 0; r < width; r++) {
        Arrays.fill(z[r], scaled[b + r]);
        Rows.addProduct(z[r], scaled, xh + r, width, x[t], inputs);
        if (t > 0) {
          Rows.addProduct(z[r], scaled, hh + r, width, hidden[t - 1], size);
        }
      }
      for (int u = 0; u < size; u++) {
        float[] before = t > 0 ? cell[t - 1][u] : zeros;
        gate(z[u], before, peepholes ? scaled[ci + u] : 0);
        gate(z[size + u], before, peepholes ? scaled[cf + u] : 0);
        squash(z[2 * size + u]);
        cell(cell[t][u], z[u], z[size + u], z[2 * size + u], before);
        gate(z[3 * size + u], cell[t][u], peepholes ? scaled[co + u] : 0);
        tanh(tanhCell[t][u], cell[t][u]);
        output(hidden[t][u], z[3 * size + u], tanhCell[t][u]);
      }
    }
  }

  private static void gate(float[] z, float[] c, float peephole) {
    for (int i = 0; i < z.length; i++) {
      z[i] = Activations.squash(Math.fma(c[i], peephole, z[i]));
    }
  }

  private static void squash(float[] z) {
    for (int i = 0; i < z.length; i++) {
      z[i] = Activations.squash(z[i]);
    }
  }

  private static void tanh(float[] s, float[] z) {
    for (int i = 0; i < z.length; i++) {
      s[i] = Activations.squash(z[i] * Activations.TANH_SCALE);
    }
  }

  private static void cell(float[] c, float[] in, float[] forget, float[] s, float[] before) {
    for (int i = 0; i < c.length; i++) {
      c[i] = Math.fma(in[i], s[i] + s[i] - 1f, forget[i] * before[i]);
    }
  }

  private static void output(float[] h, float[] out, float[] s) {
    for (int i = 0; i < h.length; i++) {
      h[i] = out[i] * (s[i] + s[i] - 1f);
    }
  }

  /**
   * Goes back through time after {@link #forward} and adds the gradient.
   *
   * @param p parameters
   * @param x [T][inputs][32], the inputs of the forward pass
   * @param dh [T][size][32], derivatives with respect to the outputs; overwritten
   * @param dx [T][inputs][32], receives derivatives with respect to the inputs; null: not wanted
   * @param gradient [parameters], added to
   */
  void backward(
      float[] p, float[][][] x, float[][][] dh, float[][][] dx, int steps, float[] gradient) {
    for (int u = 0; u < size; u++) {
      Arrays.fill(dCell[u], 0);
    }
    for (int t = steps - 1; t >= 0; t--) {
      for (int u = 0; u < size; u++) {
        unitBackward(p, t, u, dh[t][u]);
      }
      if (t > 0) {
        for (int u = 0; u < size; u++) {
          addThrough(dh[t - 1][u], p, hh + 4 * size * u, gates[t]);
        }
      }
      if (dx != null) {
        for (int k = 0; k < inputs; k++) {
          Arrays.fill(dx[t][k], 0);
          addThrough(dx[t][k], p, xh + 4 * size * k, gates[t]);
        }
      }
    }
    addGradient(x, steps, gradient);
  }

  /** Adds a row of weights times dz, gate after gate of each unit. */
  private void addThrough(float[] d, float[] p, int weights, float[][] dz) {
    for (int u = 0; u < size; u++) {
      Rows.addTwo(d, p[weights + u], dz[u], p[weights + size + u], dz[size + u]);
      Rows.addTwo(
          d,
          p[weights + 2 * size + u],
          dz[2 * size + u],
          p[weights + 3 * size + u],
          dz[3 * size + u]);
    }
  }

  private void unitBackward(float[] p, int t, int u, float[] dh) {
    float[] in = gates[t][u];
    float[] forget = gates[t][size + u];
    float[] g = gates[t][2 * size + u];
    float[] out = gates[t][3 * size + u];
    float[] before = t > 0 ? cell[t - 1][u] : zeros;
    throughTanh(dc, dh, out, tanhCell[t][u], dCell[u]);
    outputGate(out, dh, tanhCell[t][u]);
    if (peepholes) {
      addScaled(dc, out, p[co + u]);
    }
    forgetGate(forget, dc, before, dCell[u]);
    inputGate(in, g, dc);
    if (peepholes) {
      addScaled(dCell[u], in, p[ci + u]);
      addScaled(dCell[u], forget, p[cf + u]);
    }
  }

  private static void addScaled(float[] a, float[] b, float scale) {
    for (int i = 0; i < a.length; i++) {
      a[i] = Math.fma(b[i], scale, a[i]);
    }
  }

  private static void throughTanh(float[] dc, float[] dh, float[] out, float[] s, float[] next) {
    for (int i = 0; i < dc.length; i++) {
      float t = s[i] + s[i] - 1f;
      dc[i] = Math.fma(dh[i] * out[i], 1f - t * t, next[i]);
    }
  }

  private static void outputGate(float[] out, float[] dh, float[] s) {
    for (int i = 0; i < out.length; i++) {
      out[i] = dh[i] * (s[i] + s[i] - 1f) * ((1f - out[i]) * out[i]);
    }
  }

  private static void forgetGate(float[] forget, float[] dc, float[] before, float[] dCell) {
    for (int i = 0; i < forget.length; i++) {
      float f = forget[i];
      dCell[i] = dc[i] * f;
      forget[i] = dc[i] * before[i] * ((1f - f) * f);
    }
  }

  private static void inputGate(float[] in, float[] s, float[] dc) {
    for (int i = 0; i < in.length; i++) {
      float a = in[i];
      float g = s[i] + s[i] - 1f;
      in[i] = dc[i] * g * ((1f - a) * a);
      s[i] = dc[i] * a * (1f - g * g);
    }
  }

  private void addGradient(float[][][] x, int steps, float[] gradient) {
    int width = 4 * size;
    for (int r = 0; r < width; r++) {
      gradient[b + r] += Rows.sumOfRows(gates, r, steps, chains);
      for (int k = 0; k < inputs; k++) {
        gradient[xh + k * width + r] += Rows.sumOfProducts(gates, r, x, k, 0, 0, steps, chains);
      }
      for (int k = 0; k < size; k++) {
        gradient[hh + k * width + r] +=
            Rows.sumOfProducts(gates, r, hidden, k, 1, 1, steps, chains);
      }
    }
    if (peepholes) {
      for (int u = 0; u < size; u++) {
        gradient[ci + u] += Rows.sumOfProducts(gates, u, cell, u, 1, 1, steps, chains);
        gradient[cf + u] += Rows.sumOfProducts(gates, size + u, cell, u, 1, 1, steps, chains);
        gradient[co + u] += Rows.sumOfProducts(gates, 3 * size + u, cell, u, 0, 0, steps, chains);
      }
    }
  }
}
