package dev.recall.job.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.recall.job.RunFiles;
import dev.recall.job.config.Configs;
import dev.recall.job.registry.ModelRegistry;
import dev.recall.job.store.Storage;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The lines of deploy/schedule/crontab as cron's shell runs them, but for places and times. */
@Tag("cluster")
class CrontabTest {

  private static final int RETRAININGS = 5;

  @TempDir private Path folder;

  @BeforeAll
  static void onlyBehindThePhasePackage() {
    DaemonCluster.assumePackaged();
  }

  private record Line(String command, Map<String, String> environment) {}

  /** The line with the text, and the variables above it. */
  private Line line(String text) {
    List<String> lines =
        RunFiles.text(DaemonCluster.root().resolve("deploy/schedule/crontab")).lines().toList();
    Map<String, String> environment = new HashMap<>();
    lines.stream()
        .filter(line -> line.matches("[A-Z_]+=.*"))
        .map(line -> line.split("=", 2))
        .forEach(variable -> environment.put(variable[0], variable[1]));
    environment.put("RECALL", DaemonCluster.root().toString());
    environment.put("LOGS", folder.toString());
    environment.remove("SPARK_HOME");
    environment.put("JAVA_HOME", System.getProperty("java.home"));
    environment.put("SPARK_SUBMIT_OPTS", DaemonCluster.cheapOnSpark());
    String command =
        lines.stream()
            .filter(line -> line.matches("[0-9*].*") && line.contains(text))
            .findFirst()
            .orElseThrow()
            .replaceFirst("^(\\S+ +){5}", "")
            // No YARN here.
            .replaceFirst("--properties-file \\S+", "--master local[1]")
            .replace("hdfs:///recall/models", "file:" + folder.resolve("registry"));
    return new Line(command, environment);
  }

  /** Returns what it printed, which cron would mail. */
  private String run(Line line) throws Exception {
    // A percent sign is a new line to cron.
    assertThat(line.command()).doesNotContain("%");
    ProcessBuilder shell = new ProcessBuilder("/bin/sh", "-c", line.command());
    shell.environment().clear();
    shell.environment().putAll(line.environment());
    Path mail = Files.createTempFile(folder, "mail", ".txt");
    Process process = shell.redirectErrorStream(true).redirectOutput(mail.toFile()).start();
    assertThat(process.waitFor(2, TimeUnit.MINUTES)).isTrue();
    return Files.readString(mail);
  }

  private ModelRegistry registry() {
    return ModelRegistry.open(
        new Storage(Map.of()), folder.resolve("registry").toString(), "memory");
  }

  @Test
  void fiveHoursInARowLeaveVersionsDecisionsAndAPointer() throws Exception {
    Line retrain = line(" retrain ");
    List<String> settings = new ArrayList<>();
    Configs.smallWith("retrain.batches=4", "evaluation.batches=2")
        .forEach(setting -> settings.add("--set '" + setting + "'"));
    int inService = 0;
    for (int hour = 1; hour <= RETRAININGS; hour++) {
      String command =
          retrain
              .command()
              .replace(
                  "--every 1h",
                  "--scheduled 2026-11-22T0" + hour + ":00:00Z " + String.join(" ", settings));
      assertThat(command).contains("--scheduled");
      String mail = run(new Line(command, retrain.environment()));
      assertThat(mail).as("%s\n%s", mail, RunFiles.text(folder.resolve("memory.log"))).isEmpty();

      JsonNode summary = RunFiles.json(folder.resolve("memory.json"));
      assertThat(summary.path("version").intValue()).isEqualTo(hour);
      assertThat(registry().versions()).hasSize(hour);
      boolean promoted = summary.path("outcome").textValue().equals("promoted");
      inService = promoted ? hour : inService;
      assertThat(registry().now().inService()).hasValue(inService);
      JsonNode decision =
          RunFiles.json(folder.resolve("registry/memory/versions/00000" + hour + "/decision.json"));
      assertThat(decision.path("promote").booleanValue()).isEqualTo(promoted);
    }
    assertThat(run(line(" models prune "))).isEmpty();
    assertThat(registry().versions()).hasSize(RETRAININGS);
  }

  @Test
  void aFailureIsMailed() throws Exception {
    Line retrain = line(" retrain ");
    String wrong = retrain.command().replace("--every 1h", "--every sometimes");
    assertThat(run(new Line(wrong, retrain.environment())))
        .startsWith("recall retrain memory: exit code 2\n")
        .contains("--every: expected a period such as 30m, 6h or 1d, found sometimes");
  }
}
