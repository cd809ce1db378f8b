package dev.recall.job.report;

import static org.assertj.core.api.Assertions.assertThat;

import dev.recall.job.config.Configs;
import dev.recall.job.config.RunConfig;
import dev.recall.job.train.RoundReport;
import dev.recall.job.train.StopReason;
import dev.recall.job.train.TrainingOutcome;
import dev.recall.job.train.TrainingState;
import dev.recall.model.Evaluation;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ProgressTest {

  private static final String ALL =
      "round 300/600  loss 0.8612  above floor 0.0112  recall MSE 0.0051"
          + "  12,800 examples/s  00:06 left";
  private static final String WITHOUT_FLOOR =
      "round 300/600  loss 0.8612  recall MSE 0.0051  12,800 examples/s  00:06 left";

  private final StringWriter written = new StringWriter();
  private final RunConfig config = Configs.of("stop.rounds=600", "report.every-rounds=20");
  private final TrainingState start =
      TrainingState.initial(config, new float[config.model().layout().size()]);

  private Progress progress(int columns) {
    return new Progress(new PrintWriter(written), columns, config, start);
  }

  private static RoundReport report(int round, double seconds) {
    Evaluation validation = new Evaluation(0.8612, 0.85, 0.0051, 512);
    return new RoundReport(
        round, 0.8612, 1, (long) (seconds * 12800), seconds, Optional.of(validation));
  }

  /** What stands on the terminal after half of the run. */
  private String drawn(int columns) {
    progress(columns).roundDone(report(300, 6));
    return written.toString();
  }

  @Test
  void aWideTerminalHasTheBarAndAllFigures() {
    assertThat(drawn(130)).isEqualTo("\r[############............] " + ALL);
  }

  @Test
  void theBarGoesFirst() {
    assertThat(drawn(27 + ALL.length() + 1)).startsWith("\r[#");
    written.getBuffer().setLength(0);
    assertThat(drawn(27 + ALL.length())).isEqualTo("\r" + ALL);
  }

  @Test
  void theLossAboveTheFloorGoesNext() {
    assertThat(drawn(ALL.length())).isEqualTo("\r" + WITHOUT_FLOOR);
  }

  @Test
  void eightyColumnsHaveTheRestWhole() {
    assertThat(drawn(80)).isEqualTo("\r" + WITHOUT_FLOOR);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 20, 40, 76})
  void aNarrowTerminalHasTheBeginning(int columns) {
    assertThat(drawn(columns)).isEqualTo("\r" + WITHOUT_FLOOR.substring(0, columns - 1));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 40, 77, 78, 79, 80, 98, 99, 120, 125, 126, 200})
  void noLineReachesTheLastColumn(int columns) {
    Progress progress = progress(columns);
    for (int round = 1; round <= 600; round++) {
      progress.roundDone(report(round, 0.2 * round * round));
    }
    List<String> lines = List.of(written.toString().substring(1).split("\r", -1));
    assertThat(lines).hasSize(600).allMatch(line -> line.length() < columns);
  }

  @Test
  void aShorterLineCoversTheLongerOneBeforeIt() {
    Progress progress = progress(130);
    progress.roundDone(report(1, 400));
    progress.roundDone(report(599, 401));
    String[] lines = written.toString().substring(1).split("\r");
    assertThat(lines[1].strip().length()).isLessThan(lines[0].length());
    assertThat(lines[1]).hasSameSizeAs(lines[0]);
  }

  @Test
  void withoutATerminalALineIsWrittenEverySoManyRounds() {
    Progress progress = progress(0);
    for (int round = 1; round <= 600; round++) {
      progress.roundDone(report(round, 0.02 * round));
    }
    assertThat(written.toString()).doesNotContain("\r").doesNotContain("[");
    assertThat(written.toString().lines()).hasSize(600 / config.reportEveryRounds()).contains(ALL);
  }

  @Test
  void nothingIsDrawnAfterTheEnd() {
    Progress progress = progress(80);
    progress.roundDone(report(300, 6));
    progress.interrupted(Optional.of("there"));
    progress.roundDone(report(301, 7));
    assertThat(written.toString().lines())
        .containsExactly("", WITHOUT_FLOOR, "the last checkpoint is whole: there");
  }

  @Test
  void aFinishedRunEndsItsLine() {
    Progress progress = progress(80);
    progress.roundDone(report(300, 6));
    progress.finished(new TrainingOutcome(StopReason.ROUNDS, 6, 1));
    assertThat(written.toString()).endsWith(WITHOUT_FLOOR + System.lineSeparator());
  }

  @ParameterizedTest
  @CsvSource({"80, 80", "1, 1", "0, 0", "-3, 0", "'', 0", "wide, 0", "80.5, 0", ", 0"})
  void theLauncherSaysHowWideTheTerminalIs(String property, int columns) {
    assertThat(Progress.columns(property)).isEqualTo(columns);
  }
}
