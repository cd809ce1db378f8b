package dev.recall.job;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.recall.datagen.Purpose;
import dev.recall.datagen.SequenceTask;
import dev.recall.job.config.RetrainConfig;
import dev.recall.job.config.RunConfig;
import dev.recall.job.config.UserError;
import dev.recall.job.registry.Judgement;
import dev.recall.model.RegressorSpec;
import dev.recall.model.SequenceLosses;
import dev.recall.model.SequenceLosses.Sequences;
import dev.recall.model.recurrent.Engines;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * The trainings that a version may come from. Champion and challenger are measured on the same
 * sequences, of the task that was trained for: which they are follows from the run's seed and the
 * version, so the judgement can be repeated, and no two versions are judged on the same.
 */
final class Challengers {

  private final RetrainConfig rule;
  private final Sequences sequences;
  private final double[] floors;
  private final Training.Ended best;
  private final double[] losses; // of the best

  /**
   * Measures challengers and takes the better one.
   *
   * @param trainings one or two, of the same task
   * @param version number of the version to be
   * @param rule of the judgement
   */
  Challengers(List<Training.Ended> trainings, int version, RetrainConfig rule) {
    RunConfig config = trainings.get(0).config();
    this.rule = rule;
    this.sequences =
        new Sequences(config.task(), config.seed(), Purpose.JUDGEMENT, version, rule.batches());
    this.floors = SequenceLosses.floors(sequences);
    Training.Ended better = trainings.get(0);
    double[] lower = losses(better);
    for (Training.Ended other : trainings.subList(1, trainings.size())) {
      double[] found = losses(other);
      if (sum(found) < sum(lower) || Double.isNaN(sum(lower))) {
        better = other;
        lower = found;
      }
    }
    this.best = better;
    this.losses = lower;
  }

  private static double sum(double[] values) {
    return Arrays.stream(values).sum();
  }

  private double[] losses(Training.Ended training) {
    return losses(training.config().model(), training.state().result());
  }

  private double[] losses(RegressorSpec model, float[] parameters) {
    return SequenceLosses.of(Engines.create(model), parameters, sequences);
  }

  /**
   * Whether the challenger goes into service.
   *
   * @param training the challenger
   * @param promotes whether it does
   * @param why a sentence
   * @param json figures
   */
  record Decision(Training.Ended training, boolean promotes, String why, ObjectNode json) {}

  /** Judges against the model in service, if there is one. */
  Decision judge(Optional<ServedModel> champion) {
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    json.put("sequences_seed", sequences.seed());
    json.put("sequences_set", sequences.round());
    if (champion.isEmpty()) {
      double loss = sum(losses) / losses.length;
      json.put("challenger_loss", loss);
      boolean finite = Double.isFinite(loss);
      String why = "the first version; loss %.6g on %d sequences".formatted(loss, losses.length);
      return new Decision(best, finite, why, json);
    }
    check(champion.get());
    double[] its = losses(champion.get().config().model(), champion.get().parameters());
    Judgement judgement = Judgement.of(its, losses, floors, rule);
    json.setAll(judgement.json());
    return new Decision(best, judgement.promotes(), judgement.sentence(), json);
  }

  private void check(ServedModel champion) {
    RegressorSpec model = champion.config().model();
    SequenceTask task = sequences.task();
    if (model.inputSize() != task.inputSize() || model.outputSize() != task.targetSize()) {
      throw new UserError(
          "version %d, in service: expected a network for %d inputs and %d outputs per step, found %d and %d; give a model of another task another name"
              .formatted(
                  champion.version(),
                  task.inputSize(),
                  task.targetSize(),
                  model.inputSize(),
                  model.outputSize()));
    }
  }
}
