package dev.recall.job.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.recall.job.Commands;
import dev.recall.job.RunFiles;
import dev.recall.job.cluster.DaemonCluster.Kind;
import dev.recall.job.config.Configs;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Deeplearning4j Spark on executors of their own, to which {@code --jars} brings it. */
@Tag("cluster")
@Tag("long")
class AveragingOnDaemonsTest {

  @TempDir private Path folder;

  private static List<String> train(String run) {
    return Commands.with(
        Configs.smallWith(
            "training.strategy=dl4j-parameter-averaging",
            "training.shards=2",
            "training.local-steps=4",
            "training.optimizer.algorithm=sgd",
            "training.optimizer.learning-rate=1",
            "training.optimizer.decay=constant",
            "training.optimizer.momentum=0",
            "training.local-optimizer.algorithm=rmsprop-plain",
            "training.local-optimizer.learning-rate=0.01",
            "training.local-optimizer.momentum=0",
            "training.local-optimizer.clip-norm=0",
            "spark.min-executors=2",
            "stop.rounds=6"),
        "train",
        "--run",
        run);
  }

  private static void assumeJarOfDeeplearning4j() {
    Path jar = Path.of("target/recall-dl4j.jar");
    String reason = jar + " is missing; mvn -Pdl4j -DskipTests package makes it";
    if (!Files.exists(jar)) {
      System.out.println("AveragingOnDaemonsTest: skipped, " + reason);
    }
    assumeTrue(Files.exists(jar), reason);
  }

  @Test
  void trainsOnAStandaloneClusterWhatItTrainsInOneProcess() throws Exception {
    DaemonCluster.assumePackaged();
    assumeJarOfDeeplearning4j();
    try (DaemonCluster cluster = DaemonCluster.start(Kind.STANDALONE, 2, folder)) {
      String run = cluster.runs() + "/averaged";
      Submission submission = cluster.submit(List.of(), train(run));
      assertThat(submission.end()).as(submission.log()).isZero();
      Path local = folder.resolve("in-one-process");
      Submission other =
          DaemonCluster.local(List.of("--master", "local[2]"), train(local.toString()), folder);
      assertThat(other.end()).as(other.log()).isZero();
      JsonNode onDaemons = RunFiles.json(Path.of(run).resolve("run.json"));
      JsonNode inOneProcess = RunFiles.json(local.resolve("run.json"));
      assertThat(onDaemons.at("/processes/0/runner").textValue())
          .startsWith("Spark 3.5.5 on spark://")
          .endsWith(", Deeplearning4j's parameter averaging");
      // Two workers: their sum has one rounding, whichever ends first.
      assertThat(onDaemons.at("/result/parameters_sha256"))
          .isEqualTo(inOneProcess.at("/result/parameters_sha256"));
    }
  }
}
