package dev.recall.job.dl4j;

import dev.recall.job.spark.SparkCluster;
import dev.recall.job.train.RoundRunner;
import dev.recall.job.train.RoundSum;
import dev.recall.job.train.ShardPlan;
import dev.recall.model.GradientSum;
import dev.recall.model.dl4j.Dl4jModel;
import java.util.List;
import java.util.OptionalInt;
import java.util.stream.IntStream;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.spark.impl.multilayer.SparkDl4jMultiLayer;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.dataset.DataSet;
import org.nd4j.linalg.factory.Nd4j;

/**
 * Rounds by Deeplearning4j Spark: each is one {@code SparkDl4jMultiLayer.fit} with data for one
 * averaging, so that training can end, be saved and go on between any two.
 *
 * <p>The loss of a round is what Deeplearning4j tells: that of each worker's last batch. Its fold
 * of the workers' parameters is in the order in which they end, so the bits are not promised.
 */
public final class AveragingRounds implements RoundRunner {

  private final JavaSparkContext spark;
  private ShardPlan plan;
  private AveragingMaster master;
  private MultiLayerNetwork network;

  private AveragingRounds(JavaSparkContext spark, ShardPlan plan) {
    this.spark = spark;
    use(plan);
  }

  /**
   * Prepares the rounds of a run.
   *
   * @param cluster to run them on; stays open after {@link #close}
   * @param plan what the run's shards have in common
   * @return rounds
   */
  public static RoundRunner on(SparkCluster cluster, ShardPlan plan) {
    return new AveragingRounds(cluster.context(), plan);
  }

  @Override
  public boolean updates() {
    return true;
  }

  @Override
  public void use(ShardPlan other) {
    close();
    plan = other;
    master = new AveragingMaster(plan);
    network = new MultiLayerNetwork(WorkerNetwork.of(plan));
    network.init();
  }

  @Override
  public RoundSum run(int round, float[] parameters, float[][] localState) {
    begin(round, parameters, localState);
    SparkDl4jMultiLayer averaging = new SparkDl4jMultiLayer(spark, network, master);
    try {
      averaging.fit(batches(round));
    } finally {
      master.destroySent();
    }
    int length = parameters.length;
    GradientSum result = new GradientSum(length * (1 + localState.length));
    System.arraycopy(Dl4jModel.parameters(plan.model(), network), 0, result.vector(), 0, length);
    if (localState.length > 0) {
      float[] squares = Dl4jModel.fromDl4j(plan.model(), network.getUpdater().getStateViewArray());
      System.arraycopy(squares, 0, result.vector(), length, length);
    }
    result.addLoss(averaging.getScore() / plan.countedSteps(), 1);
    return new RoundSum(result, -1, OptionalInt.empty(), List.of());
  }

  /** Before the first round the updater's state is as Deeplearning4j itself begins. */
  private void begin(int round, float[] parameters, float[][] localState) {
    network.setParams(vector(parameters));
    network
        .getLayerWiseConfigurations()
        .setIterationCount(Math.multiplyExact(round, plan.localSteps()));
    if (round == 0) {
      network.setUpdater(null);
      network.getUpdater();
    } else if (localState.length > 0) {
      network.getUpdater().setStateViewArray(null, vector(localState[0]), false);
    }
  }

  private INDArray vector(float[] values) {
    return Nd4j.create(Dl4jModel.toDl4j(plan.model(), values)).reshape(1, -1);
  }

  private JavaRDD<DataSet> batches(int round) {
    List<Integer> shards = IntStream.range(0, plan.shards()).boxed().toList();
    return spark.parallelize(shards, shards.size()).mapPartitions(new WorkerBatches(plan, round));
  }

  @Override
  public int parallelism() {
    return Math.min(plan.shards(), spark.defaultParallelism());
  }

  @Override
  public void close() {
    if (network != null) {
      network.close();
      network = null;
    }
  }
}
