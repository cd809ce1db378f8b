package dev.recall.peers.dl4j;

import dev.recall.peers.Contestant;
import dev.recall.peers.Problem;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.api.ops.DynamicCustomOp;
import org.nd4j.linalg.factory.Nd4j;

/** ND4J's operations {@code lstmLayer} and {@code lstmLayer_bp}, with the read-out around them. */
final class FusedContestant implements Contestant {

  private final boolean peepholes;
  private final int rows; // T * B
  private final INDArray readOutWeights; // [H, 1]
  private final INDArray readOutBias; // [1, 1]
  private final INDArray targets; // [T * B, 1]
  private final INDArray hidden; // [T * B, H]
  private final INDArray outputs; // [T * B, 1]
  private final INDArray dHidden; // [T * B, H]
  private final INDArray dReadOutWeights; // [H, 1]
  private final List<INDArray> dParameters = new ArrayList<>();
  private final DynamicCustomOp forward;
  private final DynamicCustomOp backward;
  private double loss;
  private double dReadOutBias;

  private FusedContestant(Problem problem, boolean peepholes) {
    this.peepholes = peepholes;
    int h = problem.hidden();
    int steps = problem.steps();
    int batch = problem.batch();
    rows = steps * batch;
    readOutWeights = Nd4j.create(problem.readOutWeights(), new int[] {h, 1}, 'c');
    readOutBias = Nd4j.create(problem.readOutBias(), new int[] {1, 1}, 'c');
    targets = Nd4j.create(problem.targets(), new int[] {rows, 1}, 'c');
    hidden = Nd4j.create(DataType.FLOAT, new long[] {rows, h}, 'c');
    outputs = Nd4j.create(DataType.FLOAT, new long[] {rows, 1}, 'c');
    dHidden = Nd4j.create(DataType.FLOAT, new long[] {rows, h}, 'c');
    dReadOutWeights = Nd4j.create(DataType.FLOAT, new long[] {h, 1}, 'c');

    INDArray x = Nd4j.create(problem.inputs(), new int[] {steps, batch, 1}, 'c');
    List<INDArray> parameters = new ArrayList<>();
    parameters.add(Nd4j.create(problem.inputWeights(), new int[] {1, 4 * h}, 'c'));
    parameters.add(Nd4j.create(problem.recurrentWeights(), new int[] {h, 4 * h}, 'c'));
    parameters.add(Nd4j.create(problem.bias()));
    if (peepholes) {
      parameters.add(Nd4j.create(problem.peepholes()));
    }
    for (INDArray parameter : parameters) {
      dParameters.add(parameter.ulike());
    }
    forward = op("lstmLayer", x, parameters).build();
    forward.addOutputArgument(hidden.reshape('c', steps, batch, h));
    backward = op("lstmLayer_bp", x, parameters).build();
    backward.addInputArgument(dHidden.reshape('c', steps, batch, h));
    backward.addOutputArgument(x.ulike());
    dParameters.forEach(backward::addOutputArgument);
  }

  /** Time-major, forward in time, sigmoid gates, tanh, no clipping; the whole sequence out. */
  private DynamicCustomOp.DynamicCustomOpsBuilder op(
      String name, INDArray x, List<INDArray> parameters) {
    List<INDArray> arrays = new ArrayList<>(List.of(x));
    arrays.addAll(parameters);
    return DynamicCustomOp.builder(name)
        .addInputs(arrays.toArray(new INDArray[0]))
        .addIntegerArguments(0, 0, 2, 0, 0)
        .addFloatingPointArguments(0.0)
        .addBooleanArguments(true, false, false, false, peepholes, true, false, false);
  }

  @Override
  public String name() {
    return "ND4J " + Versions.nd4j() + ", lstmLayer" + (peepholes ? ", peepholes" : "");
  }

  @Override
  public void gradient() {
    Nd4j.exec(forward);
    hidden.mmuli(readOutWeights, outputs);
    INDArray errors = outputs.addiRowVector(readOutBias).subi(targets);
    double norm = errors.norm2Number().doubleValue();
    loss = norm * norm / rows;
    errors.muli(2.0 / rows);
    dReadOutBias = errors.sumNumber().doubleValue();
    Nd4j.gemm(hidden, errors, dReadOutWeights, true, false, 1.0, 0.0);
    Nd4j.gemm(errors, readOutWeights, dHidden, false, true, 1.0, 0.0);
    Nd4j.exec(backward);
  }

  @Override
  public double loss() {
    return loss;
  }

  @Override
  public double gradientNorm() {
    double squares = dReadOutBias * dReadOutBias;
    squares += Math.pow(dReadOutWeights.norm2Number().doubleValue(), 2);
    for (INDArray gradient : dParameters) {
      squares += Math.pow(gradient.norm2Number().doubleValue(), 2);
    }
    return Math.sqrt(squares);
  }

  /** Arguments: peepholes or none, and what the driver adds. */
  public static void main(String[] arguments) throws IOException {
    boolean peepholes = arguments[0].equals("peepholes");
    Contestant.serve(problem -> new FusedContestant(problem, peepholes), arguments);
  }
}
