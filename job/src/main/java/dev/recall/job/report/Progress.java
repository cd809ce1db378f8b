package dev.recall.job.report;

import dev.recall.job.config.RunConfig;
import dev.recall.job.train.Rejection;
import dev.recall.job.train.RoundReport;
import dev.recall.job.train.Snapshot;
import dev.recall.job.train.TrainingListener;
import dev.recall.job.train.TrainingOutcome;
import dev.recall.job.train.TrainingState;
import dev.recall.model.Evaluation;
import java.io.PrintWriter;
import java.util.Locale;
import java.util.Optional;

/**
 * Shows how a run goes on: a line that is redrawn in place on a terminal, a line every so many
 * rounds elsewhere.
 *
 * <p>On a terminal a line has at most one character less than the terminal has columns, since a
 * longer one would scroll. Where it does not fit it goes without the bar, then without the loss
 * above the floor, and then only its beginning is shown.
 */
public final class Progress implements TrainingListener {

  /** System property with the columns of the terminal behind stderr; set by the launcher. */
  static final String COLUMNS = "recall.terminal.columns";

  private static final int BAR = 24;
  private static final double REDRAW_SECONDS = 0.1;

  private final PrintWriter out;
  private final int columns;
  private final RunConfig config;
  private final int firstRound;
  private final long firstExamples;
  private double drawnAt = -1;
  private int drawnLength;
  private boolean ended;
  private Optional<Evaluation> validation = Optional.empty();

  /**
   * Creates a display.
   *
   * @param out where to write
   * @param columns of the terminal, or 0: a line cannot be redrawn there
   * @param config the run's
   * @param start state at the beginning of this process
   */
  public Progress(PrintWriter out, int columns, RunConfig config, TrainingState start) {
    this.out = out;
    this.columns = columns;
    this.config = config;
    this.firstRound = start.round();
    this.firstExamples = start.examples();
  }

  /**
   * Creates a display on the terminal that the launcher found, if it found one: system property
   * {@code recall.terminal.columns}. The JVM itself cannot ask whether stderr is a terminal.
   *
   * @param out where to write; stderr
   * @param config the run's
   * @param start state at the beginning of this process
   * @return the display
   */
  public static Progress to(PrintWriter out, RunConfig config, TrainingState start) {
    return new Progress(out, columns(System.getProperty(COLUMNS)), config, start);
  }

  /** Columns of the terminal; 0, no terminal, for what is not a number above 0. */
  static int columns(String property) {
    try {
      return property == null ? 0 : Math.max(0, Integer.parseInt(property));
    } catch (NumberFormatException e) {
      return 0;
    }
  }

  /**
   * Says what begins.
   *
   * @param directory the run directory
   */
  public void started(String directory) {
    out.printf(
        Locale.ROOT,
        "%s %s, %d parameters, %d shards x %d local steps, seed %d%n",
        firstRound == 0 ? "training" : "going on after round " + firstRound + " with",
        config.model().layers(),
        config.model().layout().size(),
        config.training().shards(),
        config.training().localSteps(),
        config.seed());
    out.println("driver has the " + config.training().kernel());
    out.println("run directory " + directory);
    out.flush();
  }

  @Override
  public synchronized void roundDone(RoundReport report) {
    if (ended) {
      return;
    }
    if (report.validation().isPresent()) {
      validation = report.validation();
    }
    boolean last = report.round() == config.stop().rounds();
    if (columns > 0) {
      if (last || report.seconds() - drawnAt >= REDRAW_SECONDS) {
        drawnAt = report.seconds();
        redraw(fitting(report));
      }
    } else if (last || report.round() % config.reportEveryRounds() == 0) {
      out.println(text(report, true));
      out.flush();
    }
  }

  private String fitting(RoundReport report) {
    String all = text(report, true);
    int most = columns - 1;
    if (BAR + 3 + all.length() <= most) {
      return bar(report.round()) + " " + all;
    }
    String line = all.length() <= most ? all : text(report, false);
    return line.substring(0, Math.min(line.length(), most));
  }

  private void redraw(String line) {
    out.print("\r" + line + " ".repeat(Math.max(0, drawnLength - line.length())));
    out.flush();
    drawnLength = line.length();
  }

  private String bar(int round) {
    int full = (int) ((long) BAR * round / config.stop().rounds());
    return "[" + "#".repeat(full) + ".".repeat(BAR - full) + "]";
  }

  private String text(RoundReport report, boolean aboveFloor) {
    StringBuilder text = new StringBuilder();
    text.append(
        String.format(
            Locale.ROOT,
            "round %d/%d  loss %.4f",
            report.round(),
            config.stop().rounds(),
            report.trainingLoss()));
    if (validation.isPresent()) {
      Evaluation evaluation = validation.get();
      if (aboveFloor) {
        text.append(String.format(Locale.ROOT, "  above floor %.4f", evaluation.lossAboveFloor()));
      }
      text.append(String.format(Locale.ROOT, "  recall MSE %.4f", evaluation.recallMse()));
    }
    double rate = (report.examples() - firstExamples) / report.seconds();
    double left =
        report.seconds()
            / (report.round() - firstRound)
            * (config.stop().rounds() - report.round());
    if (config.stop().seconds() > 0) {
      left = Math.min(left, Math.max(0, config.stop().seconds() - report.seconds()));
    }
    return text.append(String.format(Locale.ROOT, "  %,.0f examples/s  %s left", rate, clock(left)))
        .toString();
  }

  private static String clock(double seconds) {
    long whole = Math.round(seconds);
    return whole < 3600
        ? String.format(Locale.ROOT, "%02d:%02d", whole / 60, whole % 60)
        : String.format(Locale.ROOT, "%d:%02d:%02d", whole / 3600, whole / 60 % 60, whole % 60);
  }

  @Override
  public void rejected(Rejection rejection, Snapshot target) {
    say(rejection.sentence());
  }

  /**
   * Shows a line that stays. Any thread may say it.
   *
   * @param line without its end
   */
  public synchronized void say(String line) {
    if (columns > 0 && drawnLength > 0) {
      out.println();
      drawnLength = 0;
    }
    out.println(line);
    out.flush();
  }

  @Override
  public synchronized void finished(TrainingOutcome outcome) {
    endLine();
  }

  /**
   * Says from where to go on after a failure. Any thread may say it; nothing is shown after it.
   *
   * @param lastCheckpoint newest whole checkpoint, if any
   */
  public synchronized void interrupted(Optional<String> lastCheckpoint) {
    endLine();
    out.println(
        lastCheckpoint
            .map(path -> "the last checkpoint is whole: " + path)
            .orElse("no checkpoint had been written yet"));
    out.flush();
  }

  private void endLine() {
    ended = true;
    if (columns > 0 && drawnLength > 0) {
      out.println();
      out.flush();
    }
  }
}
