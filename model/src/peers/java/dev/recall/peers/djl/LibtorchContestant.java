package dev.recall.peers.djl;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.core.Linear;
import ai.djl.pytorch.jni.JniUtils;
import ai.djl.training.GradientCollector;
import dev.recall.peers.Contestant;
import dev.recall.peers.Problem;
import java.io.IOException;

/**
 * libtorch's function {@code lstm} and autograd, called through DJL: five calls forward, one
 * backward. Gradients are not set to zero between calls, which would be one more call per array.
 */
final class LibtorchContestant implements Contestant {

  private final NDArray inputs; // [T, B, 1]
  private final NDArray targets; // [T * B, 1]
  private final NDList state; // h and c, [1, B, H]
  private final NDList weights; // [4H, 1], [4H, H], [4H], [4H]
  private final NDArray readOutWeights; // [1, H]
  private final NDArray readOutBias; // [1]
  private final Shape rows; // [T * B, H]
  private double loss;
  private double gradientNorm = Double.NaN;

  private LibtorchContestant(Problem problem) {
    NDManager manager = NDManager.newBaseManager(); // loads the library
    JniUtils.setNumThreads(1);
    int h = problem.hidden();
    int batch = problem.batch();
    int steps = problem.steps();
    inputs = manager.create(problem.inputs(), new Shape(steps, batch, 1));
    targets = manager.create(problem.targets(), new Shape((long) steps * batch, 1));
    Shape one = new Shape(1, batch, h);
    state = new NDList(manager.zeros(one), manager.zeros(one));
    weights =
        new NDList(
            manager.create(problem.inputWeights(), new Shape(4L * h, 1)),
            manager.create(transposed(problem.recurrentWeights(), h), new Shape(4L * h, h)),
            manager.create(problem.bias(), new Shape(4L * h)),
            manager.zeros(new Shape(4L * h)));
    readOutWeights = manager.create(problem.readOutWeights(), new Shape(1, h));
    readOutBias = manager.create(problem.readOutBias(), new Shape(1));
    rows = new Shape((long) steps * batch, h);
    weights.forEach(array -> array.setRequiresGradient(true));
    readOutWeights.setRequiresGradient(true);
    readOutBias.setRequiresGradient(true);
  }

  private static float[] transposed(float[] matrix, int rows) {
    int columns = matrix.length / rows;
    float[] turned = new float[matrix.length];
    for (int row = 0; row < rows; row++) {
      for (int column = 0; column < columns; column++) {
        turned[column * rows + row] = matrix[row * columns + column];
      }
    }
    return turned;
  }

  @Override
  public String name() {
    return "libtorch "
        + Engine.getInstance().getVersion()
        + " through DJL "
        + Engine.getDjlVersion();
  }

  @Override
  public void gradient() {
    try (NDScope scope = new NDScope();
        GradientCollector collector = Engine.getInstance().newGradientCollector()) {
      NDArray hidden =
          inputs
              .getNDArrayInternal()
              .lstm(inputs, state, weights, true, 1, 0, true, false, false)
              .get(0);
      NDArray outputs =
          Linear.linear(hidden.reshape(rows), readOutWeights, readOutBias).singletonOrThrow();
      NDArray error = outputs.sub(targets).square().mean();
      collector.backward(error);
      if (Double.isNaN(gradientNorm)) {
        loss = error.getFloat();
        gradientNorm = norm();
      }
    }
  }

  /** The second bias of libtorch's cell has no counterpart and is left out. */
  private double norm() {
    NDList all = new NDList(weights.subNDList(0).get(0), weights.get(1), weights.get(2));
    all.add(readOutWeights);
    all.add(readOutBias);
    double squares = 0;
    for (NDArray array : all) {
      squares += array.getGradient().square().sum().getFloat();
    }
    return Math.sqrt(squares);
  }

  @Override
  public double loss() {
    return loss;
  }

  @Override
  public double gradientNorm() {
    return gradientNorm;
  }

  /** Arguments: what the driver adds. */
  public static void main(String[] arguments) throws IOException {
    Contestant.serve(LibtorchContestant::new, arguments);
  }
}
