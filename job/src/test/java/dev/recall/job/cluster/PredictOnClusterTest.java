package dev.recall.job.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import dev.recall.job.Commands;
import dev.recall.job.RunFiles;
import dev.recall.job.cluster.DaemonCluster.Kind;
import dev.recall.job.config.Configs;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code predict} of {@code deploy/bin/recall} on executors of a standalone cluster. */
@Tag("cluster")
@Tag("long")
class PredictOnClusterTest {

  private static final int FILES = 5;
  private static final int ROWS = 400;

  @TempDir private Path folder;

  @BeforeAll
  static void onlyBehindThePhasePackage() {
    DaemonCluster.assumePackaged();
  }

  private String path(String name) {
    return folder.resolve(name).toString();
  }

  private List<String> predict(String out, String... more) {
    List<String> args = new ArrayList<>(List.of("predict", "--run", path("run"), "--in"));
    args.addAll(List.of(path("rows"), "--input-format=json", "--format=json", "--out", path(out)));
    args.addAll(List.of(more));
    return args;
  }

  private void writeRows(int bad) throws IOException {
    Files.createDirectories(folder.resolve("rows"));
    Random random = new Random(5);
    for (int file = 0; file < FILES; file++) {
      StringBuilder lines = new StringBuilder();
      for (int row = 0; row < ROWS; row++) {
        int id = file * ROWS + row;
        List<Float> sequence = new ArrayList<>();
        for (int t = random.nextInt(30); t >= 0; t--) {
          sequence.add((float) random.nextGaussian());
        }
        Object written = id == bad ? "[1, NaN]" : sequence;
        lines.append("{\"id\": %d, \"sequence\": %s}\n".formatted(id, written));
      }
      Files.writeString(folder.resolve("rows/" + file + ".jsonl"), lines);
    }
  }

  private List<String> rows(String out) {
    List<String> rows = new ArrayList<>();
    for (String name : RunFiles.names(folder.resolve(out))) {
      if (name.startsWith("part-")) {
        RunFiles.text(folder.resolve(out).resolve(name)).lines().forEach(rows::add);
      }
    }
    Collections.sort(rows);
    return rows;
  }

  @Test
  void executorsPredictTheBitsOfOneThreadHereAndNameABadRow() throws Exception {
    List<String> train = Commands.with(Configs.smallWith(), "train", "--without-spark", "--run");
    train.add(3, path("run"));
    assertThat(Commands.recall(train)).returns(0, Commands.Result::exitCode);
    writeRows(-1);
    Submission here = DaemonCluster.local(List.of("--master", "local[1]"), predict("here"), folder);
    assertThat(here.end()).as(here.log()).isZero();
    try (DaemonCluster cluster = DaemonCluster.start(Kind.STANDALONE, 2, folder)) {
      List<String> spark = Submission.conf("spark.executor.cores=1", "spark.cores.max=2");
      Submission there = cluster.submit(spark, predict("there"));
      assertThat(there.end()).as(there.log()).isZero();
      assertThat(rows("here")).hasSize(FILES * ROWS);
      assertThat(rows("there")).isEqualTo(rows("here"));

      writeRows(ROWS + 7);
      Submission bad = cluster.submit(spark, predict("bad"));
      assertThat(bad.end()).as(bad.log()).isEqualTo(2);
      assertThat(bad.log())
          .contains(
              "/rows/1.jsonl: row 7 (from 0) with id=407, column sequence: expected finite 32-bit"
                  + " numbers, found NaN at step 1; --on-bad null goes on without it");
      assertThat(folder.resolve("bad/_SUCCESS")).doesNotExist();
    }
  }
}
