package dev.recall.job;

import dev.recall.datagen.MemoryTask;
import dev.recall.job.config.RunConfig;
import dev.recall.job.report.RecallInWords;
import dev.recall.job.store.RunDirectory;
import dev.recall.job.train.StopReason;
import dev.recall.job.train.TrainingOutcome;
import dev.recall.model.Evaluation;
import java.io.PrintWriter;
import java.util.Locale;

/** The closing lines of {@code train} and {@code evaluate}. */
final class Result {

  private Result() {}

  static void print(PrintWriter out, Training.Ended ended) {
    TrainingOutcome outcome = ended.outcome();
    RunDirectory directory = ended.directory();
    out.printf(
        Locale.ROOT,
        "%nstopped after round %d: %s; %.1f s%s%n",
        ended.state().round(),
        outcome.reason().sentence(),
        outcome.seconds(),
        Double.isNaN(outcome.usefulShare())
            ? ""
            : String.format(Locale.ROOT, ", useful share %.0f%%", 100 * outcome.usefulShare()));
    print(out, ended.config(), ended.evaluation(), "held-out", ended.digest());
    out.println("run directory       " + directory.path());
    out.println();
    out.println("next: deploy/bin/recall evaluate " + directory.path());
    if (outcome.reason() == StopReason.SECONDS) {
      out.println("      deploy/bin/recall train --resume " + directory.path());
    }
    out.flush();
  }

  /** Prints the figures; {@code which} says what sequences they are of: held-out or given. */
  static void print(
      PrintWriter out, RunConfig config, Evaluation evaluation, String which, String digest) {
    String words =
        config.task() instanceof MemoryTask memory
            ? ": " + RecallInWords.of(evaluation.recallMse(), memory.remember())
            : "";
    out.printf(
        Locale.ROOT,
        "loss                %.6f on %d %s sequences, %.6f above the floor%n",
        evaluation.loss(),
        evaluation.sequences(),
        which,
        evaluation.lossAboveFloor());
    out.printf(Locale.ROOT, "recall MSE          %.6f%s%n", evaluation.recallMse(), words);
    out.println("parameters SHA-256  " + digest);
  }
}
