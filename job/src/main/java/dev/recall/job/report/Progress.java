package dev.recall.job.report;

import dev.recall.job.config.RunConfig;
import dev.recall.job.train.RoundReport;
import dev.recall.job.train.TrainingListener;
import dev.recall.job.train.TrainingOutcome;
import dev.recall.job.train.TrainingState;
import dev.recall.model.Evaluation;
import dev.recall.model.recurrent.Engines;
import java.io.PrintWriter;
import java.util.Locale;
import java.util.Optional;

/**
 * Shows how a run goes on: a bar that is redrawn in place on a terminal, a line every so many
 * rounds elsewhere.
 */
public final class Progress implements TrainingListener {

  private static final int BAR = 24;
  private static final double REDRAW_SECONDS = 0.1;

  private final PrintWriter out;
  private final boolean terminal;
  private final RunConfig config;
  private final int firstRound;
  private final long firstExamples;
  private double drawnAt = -1;
  private int drawnLength;
  private Optional<Evaluation> validation = Optional.empty();

  /**
   * Creates a display.
   *
   * @param out where to write
   * @param terminal whether a line can be redrawn there
   * @param config the run's
   * @param start state at the beginning of this process
   */
  public Progress(PrintWriter out, boolean terminal, RunConfig config, TrainingState start) {
    this.out = out;
    this.terminal = terminal;
    this.config = config;
    this.firstRound = start.round();
    this.firstExamples = start.examples();
  }

  /**
   * Creates a display that finds out by itself whether a person is looking.
   *
   * @param out where to write
   * @param config the run's
   * @param start state at the beginning of this process
   * @return the display
   */
  public static Progress to(PrintWriter out, RunConfig config, TrainingState start) {
    return new Progress(out, System.console() != null, config, start);
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
    out.println("driver has the " + Engines.description());
    out.println("run directory " + directory);
    out.flush();
  }

  @Override
  public void roundDone(RoundReport report) {
    if (report.validation().isPresent()) {
      validation = report.validation();
    }
    boolean last = report.round() == config.stop().rounds();
    if (terminal) {
      if (last || report.seconds() - drawnAt >= REDRAW_SECONDS) {
        drawnAt = report.seconds();
        redraw(bar(report.round()) + " " + text(report));
      }
    } else if (last || report.round() % config.reportEveryRounds() == 0) {
      out.println(text(report));
      out.flush();
    }
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

  private String text(RoundReport report) {
    StringBuilder text = new StringBuilder();
    text.append(
        String.format(
            Locale.ROOT,
            "round %d/%d  loss %.4f",
            report.round(),
            config.stop().rounds(),
            report.trainingLoss()));
    validation.ifPresent(
        evaluation ->
            text.append(
                String.format(
                    Locale.ROOT,
                    "  above floor %.4f  recall MSE %.4f",
                    evaluation.lossAboveFloor(),
                    evaluation.recallMse())));
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
  public void finished(TrainingOutcome outcome) {
    endLine();
  }

  /**
   * Says from where to go on after a failure.
   *
   * @param lastCheckpoint newest whole checkpoint, if any
   */
  public void interrupted(Optional<String> lastCheckpoint) {
    endLine();
    out.println(
        lastCheckpoint
            .map(path -> "the last checkpoint is whole: " + path)
            .orElse("no checkpoint had been written yet"));
    out.flush();
  }

  private void endLine() {
    if (terminal && drawnLength > 0) {
      out.println();
      out.flush();
    }
  }
}
