package dev.recall.job.registry;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.recall.job.config.UserError;
import dev.recall.job.store.Storage;
import dev.recall.model.format.Safetensors;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The versions of one model, on any Hadoop file system and without a server:
 *
 * <pre>
 * REGISTRY/NAME/versions/000007/version.json   written last, with the digests of the files beside it
 * REGISTRY/NAME/history/00000012.json          steps; the newest says what is in service
 * REGISTRY/NAME/leases/00000007.json           who took the lease for version 7
 * REGISTRY/NAME/leases/00000007.renewed.json   until when its holder has it
 * REGISTRY/NAME/times/20261122T060000Z.json    which version a scheduled time has
 * REGISTRY/NAME/runs/20261122T060000Z-champion run directories
 * </pre>
 *
 * <p>Note to the maintainer. What is in service changes by one operation: a file of the history is
 * created where none is ({@link Storage#createOnce}), under the number after the step that the
 * change was decided on. Whoever decided on an older step finds the number taken and has no effect,
 * however late it comes. So nobody needs a lock to promote, roll back or prune, and a reader sees
 * either the step before or the step after. A version that is to go is named in a step first and
 * removed after: a step that puts it into service cannot come in between.
 */
public final class ModelRegistry {

  private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,99}");
  private static final Pattern STEP = Pattern.compile("(\\d{8})\\.json");
  private static final Pattern VERSION = Pattern.compile("\\d{6,9}");
  private static final String DECISION = "decision.json";
  private static final int TRIES = 20;

  private final Storage storage;
  private final String name;
  private final String path;

  private ModelRegistry(Storage storage, String root, String name) {
    this.storage = storage;
    this.name = name;
    this.path = storage.qualify(root) + "/" + name;
  }

  /**
   * Opens the registry of a model; nothing is read or written yet.
   *
   * @param storage file systems
   * @param root directory of all models
   * @param name of the model
   * @return the registry
   * @throws UserError when the name is none
   */
  public static ModelRegistry open(Storage storage, String root, String name) {
    if (!NAME.matcher(name).matches()) {
      throw new UserError(
          "model name: expected letters, digits and . _ -, at most 100, found " + name);
    }
    return new ModelRegistry(storage, root, name);
  }

  /**
   * Lists the models of a registry.
   *
   * @param storage file systems
   * @param root directory of all models
   * @return names, sorted; empty when there is no such directory
   */
  public static List<String> names(Storage storage, String root) {
    return storage.list(storage.qualify(root)).stream()
        .filter(NAME.asMatchPredicate())
        .filter(name -> storage.isDirectory(root + "/" + name))
        .toList();
  }

  /**
   * Returns the model's name.
   *
   * @return the name
   */
  public String name() {
    return name;
  }

  /**
   * Returns the directory of the model.
   *
   * @return its path
   */
  public String path() {
    return path;
  }

  /**
   * Returns the file systems.
   *
   * @return where the registry is
   */
  public Storage storage() {
    return storage;
  }

  private String stepFile(int number) {
    return path + "/history/" + String.format(Locale.ROOT, "%08d.json", number);
  }

  /**
   * Returns the newest step.
   *
   * @return step 0 when nothing has happened yet
   * @throws UserError when it is not whole
   */
  public Step now() {
    int last = lastStep(stepNumbers());
    return last == 0 ? Step.NONE : step(last);
  }

  private static int lastStep(List<Integer> numbers) {
    return numbers.isEmpty() ? 0 : numbers.get(numbers.size() - 1);
  }

  /**
   * Returns the version in service.
   *
   * @return its number
   * @throws UserError when there is none
   */
  public int versionInService() {
    return now()
        .inService()
        .orElseThrow(() -> new UserError(path + ": expected a version in service, found none"));
  }

  /**
   * Returns all steps.
   *
   * @return the oldest first
   * @throws UserError when one is not whole
   */
  public List<Step> history() {
    return stepNumbers().stream().map(this::step).toList();
  }

  private List<Integer> stepNumbers() {
    List<Integer> numbers = new ArrayList<>();
    for (String file : storage.list(path + "/history")) {
      Matcher matcher = STEP.matcher(file);
      if (matcher.matches()) {
        numbers.add(Integer.parseInt(matcher.group(1)));
      }
    }
    numbers.sort(Comparator.naturalOrder());
    return numbers;
  }

  private Step step(int number) {
    String file = stepFile(number);
    Step step = Step.parse(file, Fields.read(file, storage.readText(file)));
    if (step.number() != number) {
      throw new UserError(file + ": expected step " + number + ", found " + step.number());
    }
    return step;
  }

  /**
   * Lists the versions that are whole and stay.
   *
   * @return their numbers, rising
   */
  public List<Integer> versions() {
    List<Integer> going = now().going();
    return directories().stream()
        .filter(number -> !going.contains(number))
        .filter(number -> storage.exists(file(number, ModelVersion.FILE)))
        .toList();
  }

  private List<Integer> directories() {
    return storage.list(path + "/versions").stream()
        .filter(VERSION.asMatchPredicate())
        .map(Integer::valueOf)
        .sorted()
        .toList();
  }

  /**
   * Names the directory of a version.
   *
   * @param number of the version
   * @return its path
   */
  public String directory(int number) {
    return path + "/versions/" + String.format(Locale.ROOT, "%06d", number);
  }

  private String file(int number, String file) {
    return directory(number) + "/" + file;
  }

  /**
   * Reads what is known of a version.
   *
   * @param number of the version
   * @return what version.json says
   * @throws UserError when the version is not there
   */
  public ModelVersion version(int number) {
    String file = file(number, ModelVersion.FILE);
    if (!storage.exists(file)) {
      throw new UserError(
          path + ": expected one of the versions " + versions() + ", found no version " + number);
    }
    ModelVersion version = ModelVersion.parse(file, Fields.read(file, storage.readText(file)));
    if (version.number() != number) {
      throw new UserError(file + ": expected version " + number + ", found " + version.number());
    }
    return version;
  }

  /**
   * Reads a file of a version and holds it to its digest.
   *
   * @param version the version
   * @param name of the file
   * @return its bytes
   * @throws UserError when it is not there or has other bytes
   */
  public byte[] read(ModelVersion version, String name) {
    String expected = version.files().get(name);
    String file = file(version.number(), name);
    if (expected == null) {
      throw new UserError(
          directory(version.number())
              + ": expected one of the files "
              + version.files().keySet()
              + ", found no "
              + name);
    }
    byte[] bytes = storage.read(file);
    String found = Safetensors.sha256(bytes);
    if (!found.equals(expected)) {
      throw new UserError(file + ": expected SHA-256 " + expected + ", found " + found);
    }
    return bytes;
  }

  /**
   * Reads what was decided on a version.
   *
   * @param number of the version
   * @return nothing before it is judged
   * @throws UserError when the file is none
   */
  public Optional<JsonNode> decision(int number) {
    String file = file(number, DECISION);
    return storage.exists(file)
        ? Optional.of(Fields.read(file, storage.readText(file)))
        : Optional.empty();
  }

  /**
   * Writes what was decided on a version.
   *
   * @param number of the version
   * @param decision for {@link #decision}
   * @throws IOException when it cannot be written
   */
  public void decide(int number, JsonNode decision) throws IOException {
    storage.write(file(number, DECISION), Fields.bytes(decision));
  }

  /**
   * Finds the step by which a version went into service first.
   *
   * @param number of the version
   * @return nothing when it never did
   */
  public Optional<Step> promotion(int number) {
    int before = version(number).afterStep();
    return stepNumbers().stream()
        .filter(step -> step > before)
        .map(this::step)
        .filter(step -> step.action() == Step.Action.PROMOTE && step.version() == number)
        .findFirst();
  }

  /**
   * Writes a version; nobody sees it before it is whole, and nothing puts it into service.
   *
   * @param number of a lease that the caller has
   * @param scheduled the scheduled time that it was trained for, or empty
   * @param run the run directory that it comes from
   * @param files bytes by name
   * @return the version
   * @throws IOException when it cannot be written
   */
  public ModelVersion publish(int number, String scheduled, String run, Map<String, byte[]> files)
      throws IOException {
    Map<String, String> digests = new TreeMap<>();
    storage.makeDirectory(directory(number));
    for (Map.Entry<String, byte[]> file : files.entrySet()) {
      storage.write(file(number, file.getKey()), file.getValue());
      digests.put(file.getKey(), Safetensors.sha256(file.getValue()));
    }
    remember(timeFile(scheduled), number, scheduled);
    By by = By.now();
    ModelVersion version =
        new ModelVersion(
            number, by.at(), by.name(), scheduled, run, lastStep(stepNumbers()), digests);
    storage.write(file(number, ModelVersion.FILE), Fields.bytes(version.json()));
    return version;
  }

  private void remember(String file, int version, String scheduled) throws IOException {
    if (!scheduled.isEmpty()) {
      ObjectNode json = JsonNodeFactory.instance.objectNode();
      json.put("version", version).put("scheduled", scheduled);
      storage.write(file, Fields.bytes(json));
    }
  }

  private OptionalInt remembered(String file) {
    return storage.exists(file)
        ? OptionalInt.of(Fields.number(file, Fields.read(file, storage.readText(file)), "version"))
        : OptionalInt.empty();
  }

  /**
   * Puts a version into service, unless somebody has changed anything since.
   *
   * @param number of the version
   * @param decidedOn the step that the decision rests on
   * @param reason for a person
   * @return the new step; nothing when the decision came too late
   * @throws IOException when it cannot be written
   * @throws UserError when the version is not there
   */
  public Optional<Step> promote(int number, Step decidedOn, String reason) throws IOException {
    checkPromotable(number, decidedOn);
    return append(decidedOn.promote(number, By.now(), reason));
  }

  private void checkPromotable(int number, Step decidedOn) {
    if (decidedOn.going().contains(number)) {
      throw new UserError(path + ": expected a version that stays, version " + number + " goes");
    }
    version(number);
  }

  /**
   * Puts a version into service, whatever is.
   *
   * @param number of the version
   * @param reason for a person
   * @return the new step
   * @throws IOException when it cannot be written
   * @throws UserError when the version is not there or is in service
   */
  public Step promote(int number, String reason) throws IOException {
    return change(
        now -> {
          if (now.inService().orElse(0) == number) {
            throw new UserError(path + ": version " + number + " is in service already");
          }
          checkPromotable(number, now);
          return now.promote(number, By.now(), reason);
        });
  }

  /**
   * Puts the version before into service again.
   *
   * @param reason for a person
   * @return the new step
   * @throws IOException when it cannot be written
   * @throws UserError when there is none to go back to
   */
  public Step rollback(String reason) throws IOException {
    return change(
        now -> {
          if (now.before().isEmpty()) {
            throw new UserError(
                path + ": expected a version before the one in service, found " + now.service());
          }
          return now.rollback(By.now(), reason);
        });
  }

  /**
   * Removes old versions, never the one in service nor the one before it, and what attempts that
   * ended early have left: runs for times before that of the oldest version that stays, unless
   * somebody is training now. The times of versions that go stay known.
   *
   * @param keep how many of the newest stay, at least 1
   * @return the versions that went
   * @throws IOException when something cannot be removed
   */
  public List<Integer> prune(int keep) throws IOException {
    List<Integer> gone = goingBy(now(), keep);
    if (!gone.isEmpty()) {
      String why = "the newest " + keep + " stay";
      gone = change(now -> now.prune(goingBy(now, keep), By.now(), why)).going();
    }
    for (int version : gone) {
      remove(version);
    }
    removeAttempts();
    return gone;
  }

  private List<Integer> goingBy(Step now, int keep) {
    List<Integer> there = directories();
    List<Integer> stay = staying(there, now, keep);
    return there.stream().filter(version -> !stay.contains(version)).toList();
  }

  private void removeAttempts() throws IOException {
    Optional<String> oldest =
        versions().stream()
            .map(number -> stamp(version(number).scheduled()))
            .filter(stamp -> !stamp.isEmpty())
            .min(Comparator.naturalOrder());
    if (oldest.isEmpty() || Lease.runs(this)) {
      return;
    }
    for (String run : storage.list(path + "/runs")) {
      if (run.substring(0, Math.max(0, run.indexOf('-'))).compareTo(oldest.get()) < 0) {
        storage.deleteTree(path + "/runs/" + run);
      }
    }
  }

  /**
   * Directories without a version may be of somebody who writes it, unless a newer lease is out.
   */
  private List<Integer> staying(List<Integer> there, Step now, int keep) {
    List<Integer> stay = new ArrayList<>();
    now.inService().ifPresent(stay::add);
    now.before().ifPresent(stay::add);
    int newest = Lease.newest(this);
    int whole = 0;
    for (int i = there.size() - 1; i >= 0; i--) {
      int version = there.get(i);
      boolean isWhole = storage.exists(file(version, ModelVersion.FILE));
      boolean wanted = isWhole ? whole++ < keep : version >= newest;
      if (wanted && !now.going().contains(version)) {
        stay.add(version);
      }
    }
    return stay;
  }

  /** The runs first: afterwards nobody knows which they are, nor for which time it was. */
  private void remove(int version) throws IOException {
    String directory = directory(version);
    if (storage.exists(file(version, ModelVersion.FILE))) {
      String scheduled = version(version).scheduled();
      remember(goneFile(scheduled), version, scheduled);
      for (String run : runs(scheduled)) {
        storage.deleteTree(path + "/runs/" + run);
      }
      storage.delete(file(version, ModelVersion.FILE));
    }
    storage.deleteTree(directory);
  }

  private List<String> runs(String scheduled) {
    return storage.list(path + "/runs").stream()
        .filter(run -> run.startsWith(stamp(scheduled) + "-"))
        .toList();
  }

  /**
   * Names the directory of a training.
   *
   * @param scheduled the scheduled time that it is for, as ISO 8601 in UTC
   * @param from what it starts from
   * @return its path
   */
  public String runDirectory(String scheduled, String from) {
    return path + "/runs/" + stamp(scheduled) + "-" + from;
  }

  /** Sorts as the times do. */
  private static String stamp(String scheduled) {
    return scheduled.replaceAll("[^0-9TZ]", "");
  }

  private String timeFile(String scheduled) {
    return path + "/times/" + stamp(scheduled) + ".json";
  }

  private String goneFile(String scheduled) {
    return path + "/gone/" + stamp(scheduled) + ".json";
  }

  /**
   * Finds the version that was trained for a time.
   *
   * @param scheduled the time, as ISO 8601 in UTC
   * @return its number, judged or not
   */
  public OptionalInt trainedFor(String scheduled) {
    OptionalInt version = remembered(timeFile(scheduled));
    if (version.isPresent() && isThere(version.getAsInt())) {
      return version;
    }
    // That of a version from before there were such files, unless nothing was trained.
    return runs(scheduled).isEmpty() ? OptionalInt.empty() : searched(scheduled);
  }

  private boolean isThere(int version) {
    return !now().going().contains(version) && storage.exists(file(version, ModelVersion.FILE));
  }

  private OptionalInt searched(String scheduled) {
    return versions().stream()
        .filter(number -> version(number).scheduled().equals(scheduled))
        .mapToInt(number -> number)
        .findFirst();
  }

  /**
   * Finds the version that was trained for a time and has been removed.
   *
   * @param scheduled the time, as ISO 8601 in UTC
   * @return its number
   */
  public OptionalInt gone(String scheduled) {
    return remembered(goneFile(scheduled));
  }

  /** Says that a lease was taken over: who held it decided on an older step from now on. */
  Step takeOver(String reason) throws IOException {
    return change(now -> now.takeOver(By.now(), reason));
  }

  private Optional<Step> append(Step step) throws IOException {
    boolean done = storage.createOnce(stepFile(step.number()), Fields.bytes(step.json()));
    return done ? Optional.of(step) : Optional.empty();
  }

  private Step change(Function<Step, Step> decide) throws IOException {
    for (int i = 0; i < TRIES; i++) {
      Optional<Step> done = append(decide.apply(now()));
      if (done.isPresent()) {
        return done.get();
      }
    }
    throw new IOException(
        path + ": expected to change what is in service, others were faster " + TRIES + " times");
  }
}
