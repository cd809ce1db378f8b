package dev.recall.job.registry;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.recall.job.config.UserError;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The right to train a model's next version, for as long as it is renewed.
 *
 * <p>Note to the maintainer. Leases are numbered; the newest is the lease. It is taken by creating
 * the file of the next number ({@link dev.recall.job.store.Storage#createOnce}), so that of many
 * that try one gets it. Its holder renews it at once and then every third of its length, by a file
 * of its own: the one by which it was taken may be written again by others, the same bytes, where a
 * store has nothing better. It has run out when {@link #ALLOWANCE} has passed since the time until
 * which it was renewed: so much may clocks differ. That a holder who wakes up late does no harm
 * rests on no clock: taking a lease over is a step of the history, and its decision rests on an
 * older one.
 */
public final class Lease implements AutoCloseable {

  /** By how much the clocks of two machines may differ. */
  public static final Duration ALLOWANCE = Duration.ofSeconds(10);

  private static final long LOOK_NANOS = 200_000_000;

  /** How long it holds before the first renewal, which follows at once unless its holder dies. */
  private static final Duration FIRST = Duration.ofSeconds(5);

  private static final Pattern TAKEN = Pattern.compile("(\\d{8})\\.json");

  private final ModelRegistry registry;
  private final int number;
  private final By holder;
  private final String token = UUID.randomUUID().toString();
  private final Duration length;
  private final Consumer<String> lines;
  private final ScheduledExecutorService renewals =
      Executors.newSingleThreadScheduledExecutor(Lease::daemon);

  private Lease(
      ModelRegistry registry, int number, By holder, Duration length, Consumer<String> lines) {
    this.registry = registry;
    this.number = number;
    this.holder = holder;
    this.length = length;
    this.lines = lines;
  }

  private static Thread daemon(Runnable work) {
    Thread thread = new Thread(work, "recall-lease");
    thread.setDaemon(true);
    return thread;
  }

  /**
   * What a lease's file says.
   *
   * @param number of the lease, and of the version
   * @param token of its own, by which the holder knows it again
   * @param holder user and host
   * @param since when it was taken, as ISO 8601 in UTC
   * @param until when it ends unless renewed
   * @param renewed whether its holder has done so since it was taken
   * @param ended whether it was given back
   */
  public record Held(
      int number,
      String token,
      String holder,
      String since,
      Instant until,
      boolean renewed,
      boolean ended) {

    private boolean runs(Instant now) {
      return !ended && now.isBefore(until.plus(ALLOWANCE));
    }

    private static Held parse(String file, boolean renewed, JsonNode json) {
      String until = Fields.text(file, json, "until");
      try {
        return new Held(
            Fields.number(file, json, "lease"),
            json.path("token").asText(), // none in files of older versions
            Fields.text(file, json, "holder"),
            Fields.text(file, json, "since"),
            Instant.parse(until),
            renewed,
            json.path("ended").asBoolean());
      } catch (DateTimeParseException e) {
        throw new UserError(file + ": until: expected a time, found " + until);
      }
    }
  }

  private static String directory(ModelRegistry registry) {
    return registry.path() + "/leases";
  }

  private static String taken(int number) {
    return String.format(Locale.ROOT, "%08d.json", number);
  }

  private static String renewed(int number) {
    return String.format(Locale.ROOT, "%08d.renewed.json", number);
  }

  private static int newest(List<String> files) {
    return files.stream()
        .map(TAKEN::matcher)
        .filter(Matcher::matches)
        .mapToInt(matcher -> Integer.parseInt(matcher.group(1)))
        .max()
        .orElse(0);
  }

  /** The newest lease's number, or 0. */
  static int newest(ModelRegistry registry) {
    return newest(registry.storage().list(directory(registry)));
  }

  /** Whether somebody may be training now. */
  static boolean runs(ModelRegistry registry) {
    return held(registry).filter(lease -> lease.runs(Instant.now())).isPresent();
  }

  /**
   * Returns the newest lease.
   *
   * @param registry of the model
   * @return nothing before the first
   */
  public static Optional<Held> held(ModelRegistry registry) {
    List<String> files = registry.storage().list(directory(registry));
    int newest = newest(files);
    if (newest == 0) {
      return Optional.empty();
    }
    boolean renewed = files.contains(renewed(newest));
    String file = directory(registry) + "/" + (renewed ? renewed(newest) : taken(newest));
    JsonNode json = Fields.read(file, registry.storage().readText(file));
    return Optional.of(Held.parse(file, renewed, json));
  }

  /** Somebody else has the lease. */
  public static final class Taken extends Exception {
    private static final long serialVersionUID = 1L;

    Taken(String message) {
      super(message);
    }
  }

  /**
   * Takes the lease, and renews it until it is closed. One that is held is watched until it is
   * renewed, or has run out: its holder may be a process that was killed a moment ago.
   *
   * @param registry of the model
   * @param length how long it holds without being renewed
   * @param lines receives what is waited for, and what goes wrong with renewals
   * @return the lease
   * @throws Taken saying who has it and since when
   * @throws IOException when it cannot be written
   */
  public static Lease take(ModelRegistry registry, Duration length, Consumer<String> lines)
      throws Taken, IOException {
    Optional<Held> before = held(registry);
    before.filter(held -> held.runs(Instant.now())).ifPresent(held -> lines.accept(watched(held)));
    boolean late = false;
    while (true) {
      while (before.isPresent() && before.get().runs(Instant.now())) {
        if (late && before.get().renewed()) { // since this began, so its holder lives
          throw taken(registry, before.get());
        }
        before = look(registry, before.get());
      }
      int number = before.map(Held::number).orElse(0) + 1;
      Lease lease = new Lease(registry, number, By.now(), length, lines);
      if (lease.isTakenFirst()) {
        lease.begin(before);
        return lease;
      }
      late = true;
      before = held(registry);
    }
  }

  private static String watched(Held held) {
    return "waiting: %s has lease %d since %s; whether it is renewed shows who lives"
        .formatted(held.holder(), held.number(), held.since());
  }

  /** Looks again after a while; one that was renewed meanwhile is somebody's. */
  private static Optional<Held> look(ModelRegistry registry, Held seen) throws Taken {
    LockSupport.parkNanos(LOOK_NANOS);
    Optional<Held> now = held(registry);
    if (!now.equals(Optional.of(seen)) && now.isPresent() && now.get().runs(Instant.now())) {
      throw taken(registry, now.get());
    }
    return now;
  }

  private boolean isTakenFirst() throws IOException {
    Duration first = length.compareTo(FIRST) < 0 ? length : FIRST;
    String file = directory(registry) + "/" + taken(number);
    return registry.storage().createOnce(file, until(Instant.now().plus(first), false));
  }

  private void begin(Optional<Held> before) throws IOException {
    write(until(Instant.now().plus(length), false));
    long third = length.toMillis() / 3;
    renewals.scheduleWithFixedDelay(this::renewOrSay, third, third, TimeUnit.MILLISECONDS);
    if (before.isPresent() && !before.get().ended()) {
      takeOver(before.get());
    }
  }

  /** A lease whose holder could not say so runs out, for the next to say it. */
  private void takeOver(Held before) throws IOException {
    try {
      registry.takeOver(
          "lease %d of %s had run out at %s"
              .formatted(before.number(), before.holder(), before.until()));
    } catch (IOException | RuntimeException e) {
      renewals.shutdownNow();
      throw e;
    }
  }

  private static Taken taken(ModelRegistry registry, Held held) {
    return new Taken(
        "%s: %s has been retraining it since %s, as version %d; its lease runs until %s"
            .formatted(
                registry.path(),
                held.holder(),
                held.since(),
                held.number(),
                held.until().truncatedTo(ChronoUnit.SECONDS)));
  }

  private byte[] until(Instant until, boolean ended) {
    ObjectNode json = JsonNodeFactory.instance.objectNode();
    json.put("lease", number);
    json.put("token", token);
    json.put("holder", holder.name());
    json.put("since", holder.at());
    json.put("until", until.toString());
    json.put("ended", ended);
    return Fields.bytes(json);
  }

  /**
   * Returns the number, also of the version that the holder may publish.
   *
   * @return at least 1
   */
  public int number() {
    return number;
  }

  /**
   * Tells whether nobody has taken the lease over.
   *
   * @return true for the holder
   */
  public boolean isMine() {
    return held(registry)
        .filter(now -> now.number() == number && now.token().equals(token))
        .isPresent();
  }

  private void renewOrSay() {
    try {
      renew();
    } catch (IOException | RuntimeException e) {
      lines.accept("the lease cannot be renewed: " + e.getMessage());
    }
  }

  /** Late, the file of a lease that was taken over says again that it runs; nobody reads it. */
  private void renew() throws IOException {
    if (isMine()) {
      write(until(Instant.now().plus(length), false));
    }
  }

  private void write(byte[] bytes) throws IOException {
    registry.storage().write(directory(registry) + "/" + renewed(number), bytes);
  }

  /** Gives the lease back, for the next to take at once. */
  @Override
  public void close() {
    renewals.shutdown();
    try {
      renewals.awaitTermination(length.toMillis(), TimeUnit.MILLISECONDS);
      if (isMine()) {
        write(until(Instant.now(), true));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (IOException | RuntimeException e) {
      lines.accept("the lease stays until it runs out: " + e.getMessage());
    }
  }
}
