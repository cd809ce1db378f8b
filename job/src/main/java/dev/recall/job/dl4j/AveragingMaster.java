package dev.recall.job.dl4j;

import dev.recall.job.train.ShardPlan;
import org.apache.spark.broadcast.Broadcast;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.spark.api.RDDTrainingApproach;
import org.deeplearning4j.spark.api.Repartition;
import org.deeplearning4j.spark.api.WorkerConfiguration;
import org.deeplearning4j.spark.api.worker.NetBroadcastTuple;
import org.deeplearning4j.spark.impl.multilayer.SparkDl4jMultiLayer;
import org.deeplearning4j.spark.impl.paramavg.ParameterAveragingTrainingMaster;
import org.deeplearning4j.spark.impl.paramavg.ParameterAveragingTrainingWorker;

/**
 * Deeplearning4j's parameter averaging with its traps set right: the updater's state is kept, each
 * partition is a worker with as many batches as the others, nothing goes to files, no statistics,
 * for which it would ask a time server, and what it sends to the executors can be destroyed.
 */
final class AveragingMaster extends ParameterAveragingTrainingMaster {

  private static final long serialVersionUID = 1L;

  private transient Broadcast<NetBroadcastTuple> sent;

  /** For one worker per shard. */
  AveragingMaster(ShardPlan plan) {
    super(
        new Builder(plan.shards(), plan.task().batchSize())
            .batchSizePerWorker(plan.task().batchSize())
            .averagingFrequency(plan.localSteps())
            .saveUpdater(true)
            .workerPrefetchNumBatches(0)
            .repartionData(Repartition.Never)
            .rddTrainingApproach(RDDTrainingApproach.Direct)
            .storageLevel(null) // making a batch again costs less than storing it
            .collectTrainingStats(false));
  }

  /** Fails where the superclass is not on the class path. */
  static void load() {}

  /** As in the superclass, but that the broadcast is remembered. */
  @Override
  public ParameterAveragingTrainingWorker getWorkerInstance(SparkDl4jMultiLayer spark) {
    MultiLayerNetwork network = spark.getNetwork();
    sent =
        spark
            .getSparkContext()
            .broadcast(
                new NetBroadcastTuple(
                    network.getLayerWiseConfigurations(),
                    network.params(),
                    network.getUpdater().getStateViewArray()));
    WorkerConfiguration configuration =
        new WorkerConfiguration(
            false, rddDataSetNumExamples, batchSizePerWorker, averagingFrequency, 0, false);
    return new ParameterAveragingTrainingWorker(
        sent, saveUpdater, configuration, trainingHookList, listeners, getRouterProvider());
  }

  /** Frees what the last round sent to executors. */
  void destroySent() {
    if (sent != null) {
      sent.destroy();
      sent = null;
    }
  }
}
