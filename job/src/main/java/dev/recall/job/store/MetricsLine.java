package dev.recall.job.store;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.recall.job.train.RoundReport;

/** One round as a JSON object on one line. */
final class MetricsLine {

  private MetricsLine() {}

  static String of(RoundReport report) {
    ObjectNode line = JsonNodeFactory.instance.objectNode();
    line.put("round", report.round());
    line.put("training_loss", report.trainingLoss());
    line.put("gradient_norm", report.gradientNorm());
    line.put("examples", report.examples());
    line.put("seconds", Math.round(report.seconds() * 1000) / 1000.0);
    report
        .validation()
        .ifPresent(
            evaluation -> {
              line.put("validation_loss", evaluation.loss());
              line.put("validation_loss_above_floor", evaluation.lossAboveFloor());
              line.put("recall_mse", evaluation.recallMse());
            });
    return line.toString();
  }
}
