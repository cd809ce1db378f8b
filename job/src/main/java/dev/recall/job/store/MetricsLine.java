package dev.recall.job.store;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.recall.job.train.RoundReport;

/** One round as a JSON object on one line. */
public final class MetricsLine {

  private static final ObjectMapper MAPPER = new ObjectMapper();

  private MetricsLine() {}

  /**
   * Writes a line.
   *
   * @param report what happened in the round
   * @return the line without its end
   */
  public static String of(RoundReport report) {
    ObjectNode line = JsonNodeFactory.instance.objectNode();
    line.put("round", report.round());
    putFinite(line, "training_loss", report.trainingLoss());
    putFinite(line, "gradient_norm", report.gradientNorm());
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

  /** A round that was left out may have had figures that are no JSON. */
  private static void putFinite(ObjectNode line, String name, double value) {
    if (Double.isFinite(value)) {
      line.put(name, value);
    } else {
      line.putNull(name);
    }
  }

  /** The round of a line; above all others when it is no such line. */
  static int round(String line) {
    try {
      return MAPPER.readTree(line).path("round").asInt(Integer.MAX_VALUE);
    } catch (JsonProcessingException e) {
      return Integer.MAX_VALUE;
    }
  }
}
