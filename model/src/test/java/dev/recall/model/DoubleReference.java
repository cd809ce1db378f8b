package dev.recall.model;

import dev.recall.datagen.SequenceBatch;
import java.util.ArrayList;
import java.util.List;

/**
 * The regressor, its loss and its gradient in plain double loops, one sequence after the other,
 * written from the equations of the seed and from no engine.
 */
final class DoubleReference {

  private final RegressorSpec spec;
  private final ParameterLayout layout;
  private final List<Layer> layers = new ArrayList<>();

  DoubleReference(RegressorSpec spec) {
    this.spec = spec;
    this.layout = spec.layout();
    int inputs = spec.inputSize();
    for (int l = 0; l < spec.cells().size(); l++) {
      LstmSpec cell = (LstmSpec) spec.cells().get(l);
      layers.add(new Layer(layout, RegressorSpec.layerName(l), inputs, cell));
      inputs = cell.size();
    }
  }

  /**
   * What one batch gives.
   *
   * @param outputs [T, B, outputSize]
   * @param loss sum of w e^2
   * @param weight sum of w
   * @param gradient [parameters], of the loss
   * @param magnitude [parameters], the same sums over |terms|: the scale of rounding errors
   */
  record Result(
      double[] outputs, double loss, double weight, double[] gradient, double[] magnitude) {}

  Result run(double[] p, SequenceBatch batch) {
    int steps = batch.steps();
    int sequences = batch.batchSize();
    int out = spec.outputSize();
    Gradient gradient = new Gradient(layout.size());
    double[] outputs = new double[batch.targets().length];
    double loss = 0;
    double weight = 0;
    int w = layout.offset("out.w"); // [size of the last layer, out]
    int b = layout.offset("out.b"); // [out]
    for (int sequence = 0; sequence < sequences; sequence++) {
      double[][] h = inputs(batch, sequence);
      List<Tape> tapes = new ArrayList<>();
      for (Layer layer : layers) {
        tapes.add(layer.forward(p, h));
        h = tapes.get(tapes.size() - 1).h;
      }
      double[][] dh = new double[steps][h[0].length];
      for (int t = 0; t < steps; t++) {
        for (int j = 0; j < out; j++) {
          int at = (t * sequences + sequence) * out + j;
          double y = p[b + j];
          for (int k = 0; k < h[t].length; k++) {
            y += h[t][k] * p[w + k * out + j];
          }
          double error = y - batch.targets()[at];
          double dy = 2 * batch.weights()[at] * error;
          outputs[at] = y;
          loss += batch.weights()[at] * error * error;
          weight += batch.weights()[at];
          gradient.add(b + j, dy);
          for (int k = 0; k < h[t].length; k++) {
            gradient.add(w + k * out + j, h[t][k] * dy);
            dh[t][k] += dy * p[w + k * out + j];
          }
        }
      }
      for (int l = layers.size() - 1; l >= 0; l--) {
        dh = layers.get(l).backward(p, tapes.get(l), dh, gradient);
      }
    }
    return new Result(outputs, loss, weight, gradient.sum, gradient.magnitude);
  }

  private static double[][] inputs(SequenceBatch batch, int sequence) {
    double[][] x = new double[batch.steps()][batch.inputSize()];
    for (int t = 0; t < x.length; t++) {
      for (int k = 0; k < x[t].length; k++) {
        x[t][k] = batch.inputs()[(t * batch.batchSize() + sequence) * x[t].length + k];
      }
    }
    return x;
  }

  private static final class Gradient {
    final double[] sum;
    final double[] magnitude;

    Gradient(int size) {
      sum = new double[size];
      magnitude = new double[size];
    }

    void add(int at, double term) {
      sum[at] += term;
      magnitude[at] += Math.abs(term);
    }
  }

  /** Values of one sequence, each [T][size of the layer]; x is [T][inputs]. */
  private record Tape(
      double[][] x,
      double[][] i,
      double[][] f,
      double[][] g,
      double[][] o,
      double[][] c,
      double[][] h) {}

  private static final class Layer {
    private final int inputs;
    private final int n;
    private final boolean peepholes;
    private final int xh; // offset of [inputs, 4 n]
    private final int hh; // offset of [n, 4 n]
    private final int bias; // offset of [4 n]
    private final int peep; // offset of ci [n], cf [n], co [n]

    Layer(ParameterLayout layout, String name, int inputs, LstmSpec cell) {
      this.inputs = inputs;
      this.n = cell.size();
      this.peepholes = cell.peepholes();
      this.xh = layout.offset(name + ".xh");
      this.hh = layout.offset(name + ".hh");
      this.bias = layout.offset(name + ".b");
      this.peep = peepholes ? layout.offset(name + ".ci") : -1;
    }

    Tape forward(double[] p, double[][] x) {
      int steps = x.length;
      Tape tape =
          new Tape(
              x,
              new double[steps][n],
              new double[steps][n],
              new double[steps][n],
              new double[steps][n],
              new double[steps][n],
              new double[steps][n]);
      double[] hBefore = new double[n];
      double[] cBefore = new double[n];
      for (int t = 0; t < steps; t++) {
        double[] z = new double[4 * n];
        for (int r = 0; r < 4 * n; r++) {
          z[r] = p[bias + r];
          for (int k = 0; k < inputs; k++) {
            z[r] += x[t][k] * p[xh + k * 4 * n + r];
          }
          for (int k = 0; k < n; k++) {
            z[r] += hBefore[k] * p[hh + k * 4 * n + r];
          }
        }
        for (int u = 0; u < n; u++) {
          double ci = peepholes ? p[peep + u] : 0;
          double cf = peepholes ? p[peep + n + u] : 0;
          double co = peepholes ? p[peep + 2 * n + u] : 0;
          tape.i[t][u] = sigmoid(z[u] + cBefore[u] * ci);
          tape.f[t][u] = sigmoid(z[n + u] + cBefore[u] * cf);
          tape.g[t][u] = Math.tanh(z[2 * n + u]);
          tape.c[t][u] = tape.f[t][u] * cBefore[u] + tape.i[t][u] * tape.g[t][u];
          tape.o[t][u] = sigmoid(z[3 * n + u] + tape.c[t][u] * co);
          tape.h[t][u] = tape.o[t][u] * Math.tanh(tape.c[t][u]);
        }
        hBefore = tape.h[t];
        cBefore = tape.c[t];
      }
      return tape;
    }

    /** Adds the gradient and returns the derivatives with respect to the inputs, [T][inputs]. */
    double[][] backward(double[] p, Tape tape, double[][] dhAbove, Gradient gradient) {
      int steps = tape.x.length;
      double[][] dx = new double[steps][inputs];
      double[] dhNext = new double[n];
      double[] dcNext = new double[n];
      for (int t = steps - 1; t >= 0; t--) {
        double[] cBefore = t > 0 ? tape.c[t - 1] : new double[n];
        double[] dz = new double[4 * n];
        for (int u = 0; u < n; u++) {
          double i = tape.i[t][u];
          double f = tape.f[t][u];
          double g = tape.g[t][u];
          double o = tape.o[t][u];
          double tanhC = Math.tanh(tape.c[t][u]);
          double dh = dhAbove[t][u] + dhNext[u];
          double dzo = dh * tanhC * o * (1 - o);
          double dc = dcNext[u] + dh * o * (1 - tanhC * tanhC);
          dc += peepholes ? dzo * p[peep + 2 * n + u] : 0;
          double dzi = dc * g * i * (1 - i);
          double dzf = dc * cBefore[u] * f * (1 - f);
          double dzg = dc * i * (1 - g * g);
          dcNext[u] = dc * f;
          if (peepholes) {
            gradient.add(peep + u, dzi * cBefore[u]);
            gradient.add(peep + n + u, dzf * cBefore[u]);
            gradient.add(peep + 2 * n + u, dzo * tape.c[t][u]);
            dcNext[u] += dzi * p[peep + u] + dzf * p[peep + n + u];
          }
          dz[u] = dzi;
          dz[n + u] = dzf;
          dz[2 * n + u] = dzg;
          dz[3 * n + u] = dzo;
        }
        dhNext = new double[n];
        for (int r = 0; r < 4 * n; r++) {
          gradient.add(bias + r, dz[r]);
          for (int k = 0; k < inputs; k++) {
            gradient.add(xh + k * 4 * n + r, tape.x[t][k] * dz[r]);
            dx[t][k] += dz[r] * p[xh + k * 4 * n + r];
          }
          for (int k = 0; k < n; k++) {
            if (t > 0) {
              gradient.add(hh + k * 4 * n + r, tape.h[t - 1][k] * dz[r]);
            }
            dhNext[k] += dz[r] * p[hh + k * 4 * n + r];
          }
        }
      }
      return dx;
    }

    private static double sigmoid(double x) {
      return 1 / (1 + Math.exp(-x));
    }
  }
}
