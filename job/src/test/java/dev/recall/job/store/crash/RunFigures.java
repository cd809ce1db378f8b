package dev.recall.job.store.crash;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.recall.job.store.Checkpoint;
import dev.recall.job.store.LocalDisk;
import dev.recall.job.store.Storage;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.FileUtil;
import org.apache.hadoop.fs.LocalFileSystem;
import org.apache.hadoop.fs.LocatedFileStatus;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.RemoteIterator;

/** Reads and copies runs wherever they lie. */
final class RunFigures {

  private static final ObjectMapper JSON = new ObjectMapper();

  private final Configuration configuration = new Configuration();
  private final Storage storage;

  RunFigures(Map<String, String> hadoop) {
    // Hadoop's own starts a process for every file.
    configuration.set("fs.file.impl", LocalDisk.class.getName());
    configuration.set("fs.file.impl.disable.cache", "true");
    hadoop.forEach(configuration::set);
    storage = new Storage(hadoop);
  }

  private FileSystem fileSystem(Path path) throws IOException {
    FileSystem fileSystem = path.getFileSystem(configuration);
    if (fileSystem instanceof LocalFileSystem local) {
      local.setWriteChecksum(false);
    }
    return fileSystem;
  }

  boolean has(String file) {
    return storage.exists(file);
  }

  List<String> names(String directory) {
    return storage.list(directory);
  }

  /** The figures that do not depend on time. */
  Map<String, JsonNode> result(String run) throws IOException {
    JsonNode summary = JSON.readTree(storage.readText(run + "/summary.json"));
    return Stream.of("parameters_sha256", "loss", "recall_mse", "rounds", "examples")
        .collect(Collectors.toMap(figure -> figure, summary::get));
  }

  /** The rounds of all lines of metrics, file by file. */
  List<Integer> metricsRounds(String run) throws IOException {
    List<Integer> rounds = new ArrayList<>();
    for (String name : storage.list(run + "/metrics")) {
      for (String line : storage.readText(run + "/metrics/" + name).lines().toList()) {
        rounds.add(JSON.readTree(line).get("round").intValue());
      }
    }
    return rounds;
  }

  /**
   * The round of the newest checkpoint, -1 when there is none. Every file that is there under the
   * name of a checkpoint must be whole.
   */
  int newestRound(String run) {
    int newest = -1;
    for (String name : storage.list(run + "/checkpoints")) {
      if (name.endsWith(".safetensors")) {
        String file = run + "/checkpoints/" + name;
        String round =
            Checkpoint.tensors(file, storage.read(file)).metadata().getOrDefault("round", "-1");
        newest = Math.max(newest, Integer.parseInt(round));
      }
    }
    return newest;
  }

  /** Names of files that nobody finished. */
  List<String> unfinished(String run) throws IOException {
    List<String> names = new ArrayList<>();
    Path path = new Path(run);
    RemoteIterator<LocatedFileStatus> files = fileSystem(path).listFiles(path, true);
    while (files.hasNext()) {
      String name = files.next().getPath().getName();
      if (name.startsWith(".") || name.endsWith(".tmp") || name.endsWith(".crc")) {
        names.add(name);
      }
    }
    return names;
  }

  void copy(String from, String to) throws IOException {
    Path source = new Path(from);
    Path target = new Path(to);
    FileUtil.copy(fileSystem(source), source, fileSystem(target), target, false, configuration);
  }

  void delete(String run) throws IOException {
    Path path = new Path(run);
    fileSystem(path).delete(path, true);
  }
}
