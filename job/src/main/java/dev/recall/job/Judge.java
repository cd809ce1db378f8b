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
 * Decides between models. Champion and challenger are measured on the same sequences, of the task
 * that the challenger was trained for: which they are follows from its seed and the version, so the
 * judgement can be repeated, and no two versions are judged on the same.
 */
final class Judge {

  private Judge() {}

  /**
   * Whether a challenger goes into service.
   *
   * @param promotes whether it does
   * @param why a sentence
   * @param json figures
   */
  record Verdict(boolean promotes, String why, ObjectNode json) {}

  /**
   * Takes the better of several trainings, on sequences that stopping looks at: were they those of
   * the judgement, the choice would count for the challenger there.
   *
   * @param trainings of the same task and seed
   * @param rule how many sequences
   */
  static Training.Ended better(List<Training.Ended> trainings, RetrainConfig rule) {
    Training.Ended better = trainings.get(0);
    double lower = Double.POSITIVE_INFINITY;
    for (Training.Ended training : trainings) {
      RunConfig config = training.config();
      double loss =
          sum(
              SequenceLosses.of(
                  Engines.create(config.model()),
                  training.state().result(),
                  new Sequences(
                      config.task(), config.seed(), Purpose.VALIDATION, 0, rule.batches())));
      if (loss < lower) {
        better = training;
        lower = loss;
      }
    }
    return better;
  }

  private static double sum(double[] values) {
    return Arrays.stream(values).sum();
  }

  /** Judges against the model in service, if there is one. */
  static Verdict of(
      ServedModel challenger, Optional<ServedModel> champion, int version, RetrainConfig rule) {
    RunConfig config = challenger.config();
    Sequences sequences =
        new Sequences(config.task(), config.seed(), Purpose.JUDGEMENT, version, rule.batches());
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    json.put("sequences_seed", sequences.seed());
    json.put("sequences_set", sequences.round());
    double[] losses = losses(challenger, sequences);
    if (champion.isEmpty()) {
      double loss = sum(losses) / losses.length;
      json.put("challenger_loss", loss);
      String why = "the first version; loss %.6g on %d sequences".formatted(loss, losses.length);
      return new Verdict(Double.isFinite(loss), why, json);
    }
    check(champion.get(), sequences.task());
    Judgement judgement =
        Judgement.of(
            losses(champion.get(), sequences), losses, SequenceLosses.floors(sequences), rule);
    json.setAll(judgement.json());
    return new Verdict(judgement.promotes(), judgement.sentence(), json);
  }

  private static double[] losses(ServedModel model, Sequences sequences) {
    return SequenceLosses.of(Engines.create(model.config().model()), model.parameters(), sequences);
  }

  /** Refuses a task that the champion cannot be measured on. */
  static void check(ServedModel champion, SequenceTask task) {
    RegressorSpec model = champion.config().model();
    if (model.inputSize() != task.inputSize() || model.outputSize() != task.targetSize()) {
      throw new UserError(
          ("version %d, in service: expected a network for %d inputs and %d outputs per step, found"
                  + " %d and %d; give a model of another task another name")
              .formatted(
                  champion.version(),
                  task.inputSize(),
                  task.targetSize(),
                  model.inputSize(),
                  model.outputSize()));
    }
  }
}
