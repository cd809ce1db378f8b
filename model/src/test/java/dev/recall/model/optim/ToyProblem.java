package dev.recall.model.optim;

import dev.recall.model.ParameterLayout;
import java.util.List;

/** A function of a few parameters with a known minimum of 0. */
enum ToyProblem {
  /** A bowl that is 25 times as steep along one axis as along another. */
  BOWL(new float[] {1f, -2f, 1.5f}) {
    @Override
    double loss(float[] p) {
      return 0.5 * (0.2 * p[0] * p[0] + p[1] * p[1] + 5 * p[2] * p[2]);
    }

    @Override
    float[] gradient(float[] p) {
      return new float[] {0.2f * p[0], p[1], 5 * p[2]};
    }
  },
  /** Rosenbrock's valley, from the other side of its bend. */
  ROSENBROCK(new float[] {-1f, 1.5f}) {
    @Override
    double loss(float[] p) {
      double valley = p[1] - (double) p[0] * p[0];
      return (1 - p[0]) * (1 - p[0]) + 100 * valley * valley;
    }

    @Override
    float[] gradient(float[] p) {
      float valley = p[1] - p[0] * p[0];
      return new float[] {-2 * (1 - p[0]) - 400 * p[0] * valley, 200 * valley};
    }
  };

  private final float[] start;

  ToyProblem(float[] start) {
    this.start = start;
  }

  abstract double loss(float[] p);

  abstract float[] gradient(float[] p);

  /** Loss after some steps as a share of the loss before. */
  double shareLeft(Optimizer optimizer, int steps) {
    ParameterLayout layout =
        ParameterLayout.of(List.of(new ParameterLayout.Shape("p", List.of(start.length))));
    float[] p = start.clone();
    float[][] state = optimizer.initialState(p.length);
    for (int step = 0; step < steps; step++) {
      optimizer.update(p, gradient(p), state, layout, step);
    }
    return loss(p) / loss(start);
  }
}
