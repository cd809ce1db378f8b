package dev.recall.job.registry;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.recall.job.config.RetrainConfig;
import java.util.Arrays;
import java.util.Locale;
import org.apache.commons.math3.distribution.TDistribution;

/**
 * Whether a challenger takes the champion's place: a one-sided paired t-test over the sequences on
 * which both were measured.
 *
 * <p>With d the champion's loss less the challenger's, sequence by sequence, mean m, standard
 * deviation s and n sequences, the challenger is promoted when
 *
 * <pre>m - t(confidence, n - 1) s / sqrt(n) &gt; margin</pre>
 *
 * with margin the share {@link RetrainConfig#minImprovement} of the champion's loss above the
 * floor. A challenger that is no better is promoted with a probability of at most 1 - confidence,
 * as far as the mean of n differences is normally distributed; an identical one never.
 *
 * @param champion mean loss of the champion
 * @param challenger mean loss of the challenger
 * @param floor mean loss of the best possible predictor on the same sequences
 * @param lowerBound of the improvement, at the confidence
 * @param margin that the lower bound has to exceed
 * @param confidence of the bound
 * @param sequences number of sequences
 */
public record Judgement(
    double champion,
    double challenger,
    double floor,
    double lowerBound,
    double margin,
    double confidence,
    int sequences) {

  /**
   * Judges.
   *
   * @param champion losses [sequences]
   * @param challenger losses of the same sequences, in the same order
   * @param floors losses of the best possible predictor on them
   * @param rule confidence and margin
   * @return the judgement
   */
  public static Judgement of(
      double[] champion, double[] challenger, double[] floors, RetrainConfig rule) {
    int n = champion.length;
    double mean = 0;
    for (int i = 0; i < n; i++) {
      mean += (champion[i] - challenger[i]) / n;
    }
    double squares = 0;
    for (int i = 0; i < n; i++) {
      double off = champion[i] - challenger[i] - mean;
      squares += off * off;
    }
    double error = Math.sqrt(squares / (n - 1) / n);
    double t = new TDistribution(n - 1).inverseCumulativeProbability(rule.confidence());
    double floor = mean(floors);
    double above = Math.max(0, mean(champion) - floor);
    return new Judgement(
        mean(champion),
        mean(challenger),
        floor,
        mean - t * error,
        rule.minImprovement() * above,
        rule.confidence(),
        n);
  }

  private static double mean(double[] values) {
    return Arrays.stream(values).sum() / values.length;
  }

  /**
   * Tells whether the challenger takes the champion's place. Losses that are not finite are worse
   * than all that are.
   *
   * @return true when it does
   */
  public boolean promotes() {
    if (Double.isFinite(challenger) && !Double.isFinite(champion)) {
      return true;
    }
    return lowerBound > margin;
  }

  /**
   * Says it.
   *
   * @return a sentence without a stop
   */
  public String sentence() {
    return String.format(
        Locale.ROOT,
        "loss %.6g against %.6g of the champion on the same %d sequences: better by %.3g, by more"
            + " than %.3g at %s confidence; %s %.3g",
        challenger,
        champion,
        sequences,
        champion - challenger,
        lowerBound,
        confidence,
        promotes() ? "enough is" : "needed is more than",
        margin);
  }

  /**
   * Returns the figures.
   *
   * @return numbers that are not finite as null
   */
  public ObjectNode json() {
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    put(json, "champion_loss", champion);
    put(json, "challenger_loss", challenger);
    put(json, "loss_floor", floor);
    put(json, "improvement", champion - challenger);
    put(json, "improvement_lower_bound", lowerBound);
    put(json, "improvement_needed", margin);
    put(json, "confidence", confidence);
    json.put("sequences", sequences);
    return json;
  }

  private static void put(ObjectNode json, String name, double value) {
    if (Double.isFinite(value)) {
      json.put(name, value);
    } else {
      json.putNull(name);
    }
  }
}
