package dev.recall.model.recurrent;

import dev.recall.model.LstmSpec;
import dev.recall.model.ParameterLayout;
import java.util.Arrays;

/**
 * Forward and backward pass of one LSTM layer over a whole batch of sequences; the formulas are
 * those of {@link LstmSpec}.
 *
 * <p>Note to the maintainer. The tape holds rows of lanes per time step. Going back, the row of a
 * gate is overwritten by the derivative with respect to its pre-activation, which is all that the
 * weight gradients need; those are formed at the end, one weight at a time over all steps, so that
 * each has one row of sums. The loops over lanes are split so that each touches at most eight
 * arrays, see {@link Rows}.
 *
 * <p>Backward, with dh and dc from above and from the next step (Graves, "Supervised Sequence
 * Labelling with Recurrent Neural Networks", 2012, equations 4.12 to 4.22, with theanets' gates):
 *
 * <pre>
 * dzo = dh tanh(c) o (1 - o)              dc += dh o (1 - tanh(c)^2) + dzo co
 * dzi = dc g i (1 - i)                    dzg = dc i (1 - g^2)
 * dzf = dc c_{t-1} f (1 - f)              dc_{t-1} = dc f + dzi ci + dzf cf
 * dh_{t-1} = dz hh^T                      dx = dz xh^T
 * </pre>
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

  private float[][][] gates = {}; // [T][4 size][lanes], order i f c o; backward: derivatives
  private float[][][] cell; // [T][size][lanes]
  private float[][][] tanhCell; // [T][size][lanes]
  private float[][][] hidden; // [T][size][lanes]
  private float[][] dCell; // [size][lanes], from the next step
  private float[][] dHidden; // [size][lanes], from the next step
  private float[] dc; // [lanes]
  private float[] zeros; // [lanes]

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
  }

  int size() {
    return size;
  }

  /** Outputs of the last forward pass, [T][size][lanes]. */
  float[][][] hidden() {
    return hidden;
  }

  /** Makes room for sequences of a length and a number of lanes; keeps what fits. */
  void reserve(int steps, int lanes) {
    if (gates.length >= steps && zeros.length == lanes) {
      return;
    }
    gates = Rows.allocate(steps, 4 * size, lanes);
    cell = Rows.allocate(steps, size, lanes);
    tanhCell = Rows.allocate(steps, size, lanes);
    hidden = Rows.allocate(steps, size, lanes);
    dCell = new float[size][lanes];
    dHidden = new float[size][lanes];
    dc = new float[lanes];
    zeros = new float[lanes];
  }

  /**
   * Computes cell states and outputs from the zero state.
   *
   * @param p parameters
   * @param x [T][inputs][lanes]
   */
  void forward(float[] p, float[][][] x, int steps) {
    int width = 4 * size;
    for (int t = 0; t < steps; t++) {
      float[][] z = gates[t];
      for (int r = 0; r < width; r++) {
        Arrays.fill(z[r], p[b + r]);
        Rows.addProduct(z[r], p, xh + r, width, x[t], inputs);
        if (t > 0) {
          Rows.addProduct(z[r], p, hh + r, width, hidden[t - 1], size);
        }
      }
      for (int u = 0; u < size; u++) {
        float[] before = t > 0 ? cell[t - 1][u] : zeros;
        gate(z[u], before, peepholes ? p[ci + u] : 0);
        gate(z[size + u], before, peepholes ? p[cf + u] : 0);
        tanh(z[2 * size + u], z[2 * size + u]);
        cell(cell[t][u], z[u], z[size + u], z[2 * size + u], before);
        gate(z[3 * size + u], cell[t][u], peepholes ? p[co + u] : 0);
        tanh(tanhCell[t][u], cell[t][u]);
        multiply(hidden[t][u], z[3 * size + u], tanhCell[t][u]);
      }
    }
  }

  private static void gate(float[] z, float[] c, float peephole) {
    for (int i = 0; i < z.length; i++) {
      z[i] = Activations.sigmoid(Math.fma(c[i], peephole, z[i]));
    }
  }

  private static void tanh(float[] out, float[] z) {
    for (int i = 0; i < z.length; i++) {
      out[i] = Activations.tanh(z[i]);
    }
  }

  private static void cell(float[] c, float[] in, float[] forget, float[] g, float[] before) {
    for (int i = 0; i < c.length; i++) {
      c[i] = Math.fma(in[i], g[i], forget[i] * before[i]);
    }
  }

  private static void multiply(float[] out, float[] a, float[] b) {
    for (int i = 0; i < out.length; i++) {
      out[i] = a[i] * b[i];
    }
  }

  /**
   * Goes back through time after {@link #forward} and adds the gradient.
   *
   * @param p parameters
   * @param x [T][inputs][lanes], the inputs of the forward pass
   * @param dh [T][size][lanes], derivatives with respect to the outputs; overwritten
   * @param dx [T][inputs][lanes], receives derivatives with respect to the inputs; null: not wanted
   * @param gradient [parameters], added to
   */
  void backward(
      float[] p, float[][][] x, float[][][] dh, float[][][] dx, int steps, float[] gradient) {
    int width = 4 * size;
    for (int u = 0; u < size; u++) {
      Arrays.fill(dCell[u], 0);
    }
    for (int t = steps - 1; t >= 0; t--) {
      float[][] z = gates[t];
      for (int u = 0; u < size; u++) {
        if (t < steps - 1) {
          add(dh[t][u], dHidden[u]);
        }
        unitBackward(p, t, u, dh[t][u]);
      }
      if (t > 0) {
        for (int u = 0; u < size; u++) {
          Arrays.fill(dHidden[u], 0);
          Rows.addProduct(dHidden[u], p, hh + u * width, 1, z, width);
        }
      }
      if (dx != null) {
        for (int k = 0; k < inputs; k++) {
          Arrays.fill(dx[t][k], 0);
          Rows.addProduct(dx[t][k], p, xh + k * width, 1, z, width);
        }
      }
    }
    addGradient(x, steps, gradient);
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

  private static void add(float[] a, float[] b) {
    for (int i = 0; i < a.length; i++) {
      a[i] += b[i];
    }
  }

  private static void addScaled(float[] a, float[] b, float scale) {
    for (int i = 0; i < a.length; i++) {
      a[i] = Math.fma(b[i], scale, a[i]);
    }
  }

  private static void throughTanh(
      float[] dc, float[] dh, float[] out, float[] tanhCell, float[] next) {
    for (int i = 0; i < dc.length; i++) {
      dc[i] = Math.fma(dh[i] * out[i], Math.fma(-tanhCell[i], tanhCell[i], 1f), next[i]);
    }
  }

  private static void outputGate(float[] out, float[] dh, float[] tanhCell) {
    for (int i = 0; i < out.length; i++) {
      out[i] = dh[i] * tanhCell[i] * Math.fma(-out[i], out[i], out[i]);
    }
  }

  private static void forgetGate(float[] forget, float[] dc, float[] before, float[] dCell) {
    for (int i = 0; i < forget.length; i++) {
      float f = forget[i];
      dCell[i] = dc[i] * f;
      forget[i] = dc[i] * before[i] * Math.fma(-f, f, f);
    }
  }

  private static void inputGate(float[] in, float[] g, float[] dc) {
    for (int i = 0; i < in.length; i++) {
      float a = in[i];
      float c = g[i];
      in[i] = dc[i] * c * Math.fma(-a, a, a);
      g[i] = dc[i] * a * Math.fma(-c, c, 1f);
    }
  }

  private void addGradient(float[][][] x, int steps, float[] gradient) {
    int width = 4 * size;
    float[] sum = dc;
    for (int r = 0; r < width; r++) {
      gradient[b + r] += Rows.sum(gates, r, steps, sum);
      for (int k = 0; k < inputs; k++) {
        gradient[xh + k * width + r] += Rows.sumOfProducts(gates, r, x, k, 0, 0, steps, sum);
      }
      for (int k = 0; k < size; k++) {
        gradient[hh + k * width + r] += Rows.sumOfProducts(gates, r, hidden, k, 1, 1, steps, sum);
      }
    }
    if (peepholes) {
      for (int u = 0; u < size; u++) {
        gradient[ci + u] += Rows.sumOfProducts(gates, u, cell, u, 1, 1, steps, sum);
        gradient[cf + u] += Rows.sumOfProducts(gates, size + u, cell, u, 1, 1, steps, sum);
        gradient[co + u] += Rows.sumOfProducts(gates, 3 * size + u, cell, u, 0, 0, steps, sum);
      }
    }
  }
}
