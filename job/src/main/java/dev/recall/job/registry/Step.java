package dev.recall.job.registry;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.recall.job.config.UserError;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.OptionalInt;

/**
 * One change to what is in service. The newest step alone says everything there is to know.
 *
 * @param number 1 for the first; 0: nothing has happened yet
 * @param action what was done
 * @param version to which version, or 0
 * @param service versions that are or were in service and can be gone back to; the first is in
 *     service
 * @param going versions that are being removed
 * @param at when, as ISO 8601 in UTC
 * @param by user and host
 * @param reason for a person
 */
public record Step(
    int number,
    Action action,
    int version,
    List<Integer> service,
    List<Integer> going,
    String at,
    String by,
    String reason) {

  /** What a step does. */
  public enum Action {
    /** A version goes into service. */
    PROMOTE,
    /** The version before is in service again. */
    ROLLBACK,
    /** Versions are removed. */
    PRUNE,
    /** A lease that had run out was taken over: whoever held it has no say any more. */
    TAKE_OVER;

    /**
     * Names it in files.
     *
     * @return for example {@code take-over}
     */
    public String text() {
      return name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
  }

  /** Before anything has happened. */
  static final Step NONE = new Step(0, Action.PROMOTE, 0, List.of(), List.of(), "", "", "");

  /** How many versions can be gone back to, one after the other. */
  private static final int MOST_BACK = 20;

  /**
   * Returns the version in service.
   *
   * @return nothing before the first promotion
   */
  public OptionalInt inService() {
    return at(0);
  }

  /**
   * Returns the version that a rollback leads to.
   *
   * @return nothing when there is none
   */
  public OptionalInt before() {
    return at(1);
  }

  private OptionalInt at(int place) {
    return service.size() > place ? OptionalInt.of(service.get(place)) : OptionalInt.empty();
  }

  private Step next(
      Action next, int changed, List<Integer> inService, List<Integer> gone, By who, String why) {
    return new Step(number + 1, next, changed, inService, gone, who.at(), who.name(), why);
  }

  Step promote(int promoted, By who, String why) {
    List<Integer> all = new ArrayList<>(List.of(promoted));
    service.stream().filter(other -> other != promoted).limit(MOST_BACK).forEach(all::add);
    return next(Action.PROMOTE, promoted, List.copyOf(all), going, who, why);
  }

  Step rollback(By who, String why) {
    List<Integer> left = service.subList(1, service.size());
    return next(Action.ROLLBACK, left.get(0), List.copyOf(left), going, who, why);
  }

  Step prune(List<Integer> gone, By who, String why) {
    List<Integer> left = service.stream().filter(version -> !gone.contains(version)).toList();
    return next(Action.PRUNE, 0, left, List.copyOf(gone), who, why);
  }

  Step takeOver(By who, String why) {
    return next(Action.TAKE_OVER, version, service, going, who, why);
  }

  /**
   * Returns it as it stands in its file.
   *
   * @return the fields
   */
  public ObjectNode json() {
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    json.put("step", number);
    json.put("action", action.text());
    json.put("version", version);
    service.forEach(json.putArray("service")::add);
    going.forEach(json.putArray("going")::add);
    json.put("at", at);
    json.put("by", by);
    json.put("reason", reason);
    return json;
  }

  /** Reads what {@link #json} wrote; the file is untrusted. */
  static Step parse(String file, JsonNode json) {
    return new Step(
        Fields.number(file, json, "step"),
        action(file, Fields.text(file, json, "action")),
        Fields.number(file, json, "version"),
        Fields.numbers(file, json, "service"),
        Fields.numbers(file, json, "going"),
        Fields.text(file, json, "at"),
        Fields.text(file, json, "by"),
        Fields.text(file, json, "reason"));
  }

  private static Action action(String file, String text) {
    for (Action action : Action.values()) {
      if (action.text().equals(text)) {
        return action;
      }
    }
    throw new UserError(file + ": expected an action of a registry, found " + text);
  }
}
