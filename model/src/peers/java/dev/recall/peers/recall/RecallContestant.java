package dev.recall.peers.recall;

import dev.recall.datagen.SequenceBatch;
import dev.recall.model.GradientEngine;
import dev.recall.model.GradientSum;
import dev.recall.model.ParameterLayout.Block;
import dev.recall.model.RegressorSpec;
import dev.recall.model.recurrent.Engines;
import dev.recall.model.recurrent.PlainEngine;
import dev.recall.peers.Contestant;
import dev.recall.peers.Problem;
import java.io.IOException;
import java.util.Arrays;
import java.util.Map;

/** Recall's own engines. */
final class RecallContestant implements Contestant {

  private final String name;
  private final GradientEngine engine;
  private final float[] parameters;
  private final SequenceBatch batch;
  private final GradientSum sum;

  private RecallContestant(Problem problem, boolean vector, boolean peepholes) {
    RegressorSpec spec = RegressorSpec.parse("[1, (lstm, " + problem.hidden() + "), 1]", peepholes);
    engine = vector ? Engines.create(spec) : new PlainEngine(spec);
    name =
        "Recall, "
            + (vector ? Engines.description().replaceFirst(" \\(.*", "") : "plain engine")
            + (peepholes ? ", peepholes" : "");
    parameters = parameters(spec, problem);
    batch = new SequenceBatch(problem.steps(), problem.batch(), 1, 1);
    System.arraycopy(problem.inputs(), 0, batch.inputs(), 0, problem.inputs().length);
    System.arraycopy(problem.targets(), 0, batch.targets(), 0, problem.targets().length);
    Arrays.fill(batch.weights(), 1f);
    sum = new GradientSum(parameters.length);
  }

  private static float[] parameters(RegressorSpec spec, Problem problem) {
    int hidden = problem.hidden();
    float[] peepholes = problem.peepholes();
    Map<String, float[]> blocks =
        Map.of(
            "hid1.xh", problem.inputWeights(),
            "hid1.hh", problem.recurrentWeights(),
            "hid1.b", problem.bias(),
            "hid1.ci", Arrays.copyOfRange(peepholes, 0, hidden),
            "hid1.cf", Arrays.copyOfRange(peepholes, hidden, 2 * hidden),
            "hid1.co", Arrays.copyOfRange(peepholes, 2 * hidden, 3 * hidden),
            "out.w", problem.readOutWeights(),
            "out.b", problem.readOutBias());
    float[] parameters = new float[spec.layout().size()];
    for (Block block : spec.layout().blocks()) {
      System.arraycopy(blocks.get(block.name()), 0, parameters, block.offset(), block.length());
    }
    return parameters;
  }

  @Override
  public String name() {
    return name;
  }

  @Override
  public void gradient() {
    sum.clear();
    engine.lossAndGradient(parameters, batch, sum);
  }

  @Override
  public double loss() {
    return sum.meanLoss();
  }

  @Override
  public double gradientNorm() {
    double squares = 0;
    for (float value : sum.vector()) {
      squares += (double) value * value;
    }
    return Math.sqrt(squares) / sum.weight();
  }

  /** Arguments: vector or plain, peepholes or none, and what the driver adds. */
  public static void main(String[] arguments) throws IOException {
    boolean vector = arguments[0].equals("vector");
    boolean peepholes = arguments[1].equals("peepholes");
    Contestant.serve(problem -> new RecallContestant(problem, vector, peepholes), arguments);
  }
}
