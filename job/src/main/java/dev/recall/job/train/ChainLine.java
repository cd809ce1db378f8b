package dev.recall.job.train;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.recall.job.config.RunConfig;
import dev.recall.model.format.Safetensors;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;

/**
 * One entry of a run's hash chain: a JSON object on one line whose last field, {@code link}, is the
 * SHA-256 of the link before it, a line feed, and the line without that field.
 *
 * <p>Losses and rates are hexadecimal floating-point text ({@link Double#toHexString}), since the
 * decimal text of a double is not the same in every Java.
 *
 * @param text the line without its end
 * @param link 64 hexadecimal digits
 */
public record ChainLine(String text, String link) {

  /** What the first line says that it is. */
  private static final String FORMAT = "recall-chain-1";

  private static final String LINK = "link";

  /**
   * A run begins: the settings that decide its bits, and its first parameters.
   *
   * @param config the run's
   * @param parameters [parameters]
   * @return the first line
   */
  public static ChainLine begin(RunConfig config, float[] parameters) {
    ObjectNode line = JsonNodeFactory.instance.objectNode();
    line.put("begin", FORMAT);
    line.put("settings", settings(config));
    line.put("parameters", Safetensors.sha256(parameters));
    return after("", line);
  }

  /**
   * Returns the digest of the settings that decide the bits of a run.
   *
   * @param config the run's
   * @return SHA-256 of {@link RunConfig#bindingText}, 64 hexadecimal digits
   */
  public static String settings(RunConfig config) {
    return Safetensors.sha256(config.bindingText().getBytes(StandardCharsets.UTF_8));
  }

  /** A round is done. */
  static ChainLine round(
      String link, int round, float[] before, float[] after, double loss, List<String> shards) {
    ObjectNode line = JsonNodeFactory.instance.objectNode();
    line.put("round", round);
    line.put("before", Safetensors.sha256(before));
    line.put("after", Safetensors.sha256(after));
    line.put("loss", Double.toHexString(loss));
    return after(link, put(line, shards));
  }

  /** A round was not finite; training goes on from the parameters {@code after}. */
  static ChainLine rejected(
      String link, Rejection rejection, float[] before, float[] after, List<String> shards) {
    ObjectNode line = JsonNodeFactory.instance.objectNode();
    line.put("rejected", rejection.round());
    line.put("back_to", rejection.backTo());
    line.put("rate_factor", Double.toHexString(rejection.rateFactor()));
    line.put("before", Safetensors.sha256(before));
    line.put("after", Safetensors.sha256(after));
    line.put("loss", Double.toHexString(rejection.loss()));
    return after(link, put(line, shards));
  }

  /**
   * The run goes on with other settings that decide its bits.
   *
   * @param link of the line before
   * @param round rounds done
   * @param changes new values by key
   * @param config the settings from here on
   * @return the line
   */
  static ChainLine changed(String link, int round, Map<String, String> changes, RunConfig config) {
    ObjectNode line = JsonNodeFactory.instance.objectNode();
    line.put("changed_after", round);
    ObjectNode values = line.putObject("values");
    changes.forEach(values::put);
    line.put("settings", settings(config));
    return after(link, line);
  }

  private static ObjectNode put(ObjectNode line, List<String> shards) {
    ArrayNode digests = line.putArray("shards");
    shards.forEach(digests::add);
    return line;
  }

  private static ChainLine after(String linkBefore, ObjectNode line) {
    String link = linkOf(linkBefore, line.toString());
    return new ChainLine(line.put(LINK, link).toString(), link);
  }

  /**
   * Computes a link.
   *
   * @param linkBefore of the line before; empty for the first
   * @param unlinked the line without its {@code link}
   * @return 64 hexadecimal digits
   */
  public static String linkOf(String linkBefore, String unlinked) {
    return Safetensors.sha256((linkBefore + "\n" + unlinked).getBytes(StandardCharsets.UTF_8));
  }

  /**
   * Splits a line of a file.
   *
   * @param text the line
   * @return the line, and its last field as {@code link}; the whole line and an empty link when it
   *     does not end in one
   */
  public static ChainLine parse(String text) {
    String head = ",\"" + LINK + "\":\"";
    int at = text.lastIndexOf(head);
    boolean linked = at >= 0 && text.endsWith("\"}") && text.length() > at + head.length() + 1;
    return new ChainLine(text, linked ? text.substring(at + head.length(), text.length() - 2) : "");
  }

  /**
   * Returns what the link is computed over.
   *
   * @return the line without its link
   */
  public String unlinked() {
    String end = ",\"" + LINK + "\":\"" + link + "\"}";
    return text.endsWith(end) ? text.substring(0, text.length() - end.length()) + "}" : text;
  }
}
