package dev.recall.job;

import dev.recall.datagen.SequenceBatch;
import dev.recall.datagen.SequenceTask;
import dev.recall.job.config.RunConfig;
import dev.recall.job.config.UserError;
import dev.recall.job.store.Checkpoint;
import dev.recall.job.store.Storage;
import dev.recall.model.format.TensorFile;
import dev.recall.model.format.TensorFile.Tensor;
import java.util.Arrays;
import java.util.List;

/** A batch from a safetensors file: {@code evaluate --data}. */
final class GivenBatch {

  private final String path;
  private final TensorFile file;

  private GivenBatch(String path, TensorFile file) {
    this.path = path;
    this.file = file;
  }

  /**
   * Reads inputs, targets and, where there are any, weights; without weights all steps count alike.
   *
   * @throws UserError if a shape does not fit the task, a value is not finite, a weight is negative
   *     or all are 0
   */
  static SequenceBatch read(Storage storage, String path, RunConfig config) {
    TensorFile file = Checkpoint.tensors(path, storage.read(path));
    return new GivenBatch(path, file).batch(config.task());
  }

  private SequenceBatch batch(SequenceTask task) {
    Tensor inputs = tensor("inputs", task.inputSize());
    Tensor targets = tensor("targets", task.targetSize());
    int steps = inputs.shape().get(0);
    int sequences = inputs.shape().get(1);
    if (!targets.shape().subList(0, 2).equals(inputs.shape().subList(0, 2))) {
      throw wrong(
          "targets of shape " + List.of(steps, sequences, task.targetSize()) + " like inputs",
          targets.shape());
    }
    if (steps < task.recallSteps()) {
      throw wrong("at least the " + task.recallSteps() + " steps that are recalled", steps);
    }
    SequenceBatch batch = new SequenceBatch(steps, sequences, task.inputSize(), task.targetSize());
    copyFinite(inputs, batch.inputs());
    copyFinite(targets, batch.targets());
    if (file.find("weights").isPresent()) {
      Tensor weights = tensor("weights", task.targetSize());
      if (!weights.shape().equals(targets.shape())) {
        throw wrong("weights of shape " + targets.shape(), weights.shape());
      }
      copyFinite(weights, batch.weights());
      checkWeights(weights);
    } else {
      Arrays.fill(batch.weights(), 1f);
    }
    return batch;
  }

  private Tensor tensor(String name, int features) {
    Tensor tensor = file.find(name).orElseThrow(() -> wrong("a tensor " + name, file.names()));
    List<Integer> shape = tensor.shape();
    if (shape.size() != 3 || shape.get(2) != features || tensor.values().length == 0) {
      throw wrong(name + " of shape [steps, batch, " + features + "]", shape);
    }
    return tensor;
  }

  private void copyFinite(Tensor tensor, float[] into) {
    float[] values = tensor.values();
    for (int i = 0; i < values.length; i++) {
      if (!Float.isFinite(values[i])) {
        throw wrong("finite " + tensor.name(), at(tensor, i));
      }
      into[i] = values[i];
    }
  }

  private void checkWeights(Tensor weights) {
    boolean allZero = true;
    for (int i = 0; i < weights.values().length; i++) {
      if (weights.values()[i] < 0) {
        throw wrong("weights of at least 0", at(weights, i));
      }
      allZero &= weights.values()[i] == 0;
    }
    if (allZero) {
      throw wrong("weights with a sum above 0", "zeros only");
    }
  }

  /** A value and where it stands, as {@code NaN at [t, b, feature]}. */
  private static String at(Tensor tensor, int i) {
    int batchSize = tensor.shape().get(1);
    int features = tensor.shape().get(2);
    List<Integer> index = List.of(i / features / batchSize, i / features % batchSize, i % features);
    return tensor.values()[i] + " at " + index;
  }

  private UserError wrong(String expected, Object found) {
    return new UserError(path + ": expected " + expected + ", found " + found);
  }
}
