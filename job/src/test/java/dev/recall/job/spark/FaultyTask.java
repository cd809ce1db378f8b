package dev.recall.job.spark;

import dev.recall.datagen.BatchKey;
import dev.recall.datagen.Purpose;
import dev.recall.datagen.SequenceBatch;
import dev.recall.datagen.SequenceTask;
import java.io.File;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.apache.spark.SparkEnv;
import org.apache.spark.TaskContext;
import scala.collection.JavaConverters;

/** Another task's batches; the first attempt at one shard of one round goes wrong in Spark. */
record FaultyTask(SequenceTask task, Fault fault, int round, int shard) implements SequenceTask {

  enum Fault {
    /** The task throws. */
    FAILS,
    /** The task never ends by itself; Spark interrupts it when a copy has ended. */
    HANGS,
    /** The executor's process dies. */
    TAKES_THE_EXECUTOR_WITH_IT,
    /** What the task leaves for the next stage is gone when it has ended. */
    LOSES_WHAT_IT_WROTE
  }

  @Override
  public void generate(BatchKey key, SequenceBatch batch) {
    task.generate(key, batch);
    TaskContext context = TaskContext.get();
    boolean here = key.equals(new BatchKey(key.seed(), Purpose.TRAINING, round, shard, 0));
    if (here
        && context != null
        && context.attemptNumber() == 0
        && context.stageAttemptNumber() == 0) {
      goWrong();
    }
  }

  private void goWrong() {
    switch (fault) {
      case FAILS -> throw new IllegalStateException("the first attempt fails, as the test wants");
      case HANGS -> {
        try {
          new CountDownLatch(1).await();
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          throw new IllegalStateException("interrupted, as the test wants", e);
        }
      }
      case TAKES_THE_EXECUTOR_WITH_IT -> {
        if (SparkEnv.get().executorId().equals("driver")) {
          throw new IllegalStateException("no executor of its own");
        }
        Runtime.getRuntime().halt(137);
      }
      case LOSES_WHAT_IT_WROTE -> TaskContext.get().addTaskCompletionListener(FaultyTask::lose);
    }
  }

  private static void lose(TaskContext task) {
    String itsOwn = "shuffle_\\d+_" + task.taskAttemptId() + "_0\\.data";
    File[] lost =
        JavaConverters.seqAsJavaList(SparkEnv.get().blockManager().diskBlockManager().getAllFiles())
            .stream()
            .filter(file -> file.getName().matches(itsOwn))
            .toArray(File[]::new);
    if (lost.length != 1 || !lost[0].delete()) {
      throw new IllegalStateException("expected one file, found " + List.of(lost));
    }
  }

  @Override
  public int steps() {
    return task.steps();
  }

  @Override
  public int batchSize() {
    return task.batchSize();
  }

  @Override
  public int inputSize() {
    return task.inputSize();
  }

  @Override
  public int targetSize() {
    return task.targetSize();
  }

  @Override
  public int recallSteps() {
    return task.recallSteps();
  }

  @Override
  public double bayesLoss() {
    return task.bayesLoss();
  }

  @Override
  public void bestPrediction(SequenceBatch batch, float[] predictions) {
    task.bestPrediction(batch, predictions);
  }
}
