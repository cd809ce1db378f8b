package dev.recall.model;

import dev.recall.model.optim.Optimizer;

/**
 * Training on the batches of a reference file, one update per batch.
 *
 * @param losses [batches], before each update
 * @param parameters [batches + 1][parameters], after as many updates as the index
 */
record ReferenceRun(double[] losses, float[][] parameters) {

  static ReferenceRun of(ReferenceFile file, GradientEngine engine, Optimizer optimizer) {
    ParameterLayout layout = file.spec().layout();
    float[] parameters = Numbers.floats(file.vector("params0"));
    float[][] state = optimizer.initialState(layout.size());
    double[] losses = new double[file.batches()];
    float[][] history = new float[file.batches() + 1][];
    history[0] = parameters.clone();
    for (int i = 0; i < file.batches(); i++) {
      GradientSum sum = new GradientSum(layout.size());
      engine.lossAndGradient(parameters, file.batch(i), sum);
      losses[i] = sum.meanLoss();
      optimizer.update(parameters, Numbers.mean(sum), state, layout, i);
      history[i + 1] = parameters.clone();
    }
    return new ReferenceRun(losses, history);
  }
}
