package dev.recall.job.dl4j;

import dev.recall.datagen.BatchKey;
import dev.recall.datagen.Purpose;
import dev.recall.datagen.SequenceBatch;
import dev.recall.job.train.ShardPlan;
import dev.recall.model.dl4j.Dl4jData;
import dev.recall.model.dl4j.Dl4jNatives;
import java.util.Iterator;
import java.util.NoSuchElementException;
import org.apache.spark.api.java.function.FlatMapFunction;
import org.nd4j.linalg.dataset.DataSet;

/**
 * Makes the batches of a round where they are used: for each shard those of its local steps, the
 * same as in this project's rounds.
 *
 * @param plan what the run's shards have in common
 * @param round round number from 0
 */
record WorkerBatches(ShardPlan plan, int round)
    implements FlatMapFunction<Iterator<Integer>, DataSet> {

  @Override
  public Iterator<DataSet> call(Iterator<Integer> shards) {
    Dl4jNatives.missing() // keeps ND4J to one thread, too
        .ifPresent(
            reason -> {
              throw new IllegalStateException(reason);
            });
    return new Batches(shards);
  }

  private final class Batches implements Iterator<DataSet> {
    private final Iterator<Integer> shards;
    private final SequenceBatch batch = plan.task().newBatch();
    private int shard;
    private int step = plan.localSteps();

    Batches(Iterator<Integer> shards) {
      this.shards = shards;
    }

    @Override
    public boolean hasNext() {
      return step < plan.localSteps() || shards.hasNext();
    }

    @Override
    public DataSet next() {
      if (!hasNext()) {
        throw new NoSuchElementException("no more batches of round " + round);
      }
      if (step == plan.localSteps()) {
        shard = shards.next();
        step = 0;
      }
      plan.task()
          .generate(new BatchKey(plan.seed(), Purpose.TRAINING, round, shard, step++), batch);
      return Dl4jData.of(batch);
    }
  }
}
