package dev.recall.job.store;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.recall.job.RunFiles;
import dev.recall.job.config.ConfigLoader;
import dev.recall.job.config.ConfigSource;
import dev.recall.job.config.InvalidConfig;
import dev.recall.job.config.RunConfig;
import dev.recall.job.train.ChainLine;
import dev.recall.model.format.FormatException;
import dev.recall.model.format.Safetensors;
import dev.recall.model.format.TensorFile;
import dev.recall.model.format.TensorFile.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;

/** Alters runs as somebody would who knows the formats: every digest is made to fit again. */
public final class Forgery {

  private static final ObjectMapper MAPPER = new ObjectMapper();

  private Forgery() {}

  /** Changes values of a checkpoint. */
  public static void ofCheckpoint(Path run, int round, Consumer<Map<String, float[]>> change) {
    rewrite(
        run,
        round,
        file -> {
          Map<String, float[]> tensors = new HashMap<>();
          file.tensors().forEach(tensor -> tensors.put(tensor.name(), tensor.values()));
          change.accept(tensors);
          return file;
        });
  }

  /** Changes a number beside them. */
  public static void ofMetadata(Path run, int round, String key, String value) {
    rewrite(run, round, file -> with(file, key, value));
  }

  private static TensorFile with(TensorFile file, String key, String value) {
    Map<String, String> metadata = new LinkedHashMap<>(file.metadata());
    metadata.replace(key, value);
    return new TensorFile(metadata, file.tensors());
  }

  private static void rewrite(Path run, int round, UnaryOperator<TensorFile> change) {
    Path path = run.resolve("checkpoints/round-%08d.safetensors".formatted(round));
    String before = Safetensors.sha256(RunFiles.bytes(path));
    TensorFile file = change.apply(decoded(path));
    Map<String, String> metadata = new LinkedHashMap<>(file.metadata());
    metadata.replace("parameters_sha256", Safetensors.sha256(parameters(file)));
    metadata.replace("metadata_sha256", Checkpoint.digest(metadata));
    byte[] bytes = Safetensors.encode(new TensorFile(metadata, file.tensors()));
    write(path, bytes);
    editResult(run, text -> text.replace(before, Safetensors.sha256(bytes)));
  }

  private static TensorFile decoded(Path path) {
    try {
      return Safetensors.decode(RunFiles.bytes(path));
    } catch (FormatException e) {
      throw new IllegalArgumentException(e);
    }
  }

  private static float[] parameters(TensorFile file) {
    List<Tensor> blocks =
        file.tensors().stream().filter(tensor -> tensor.name().matches("(hid|out).*")).toList();
    int length = blocks.stream().mapToInt(block -> block.values().length).sum();
    float[] parameters = new float[length];
    int at = 0;
    for (Tensor block : blocks) {
      System.arraycopy(block.values(), 0, parameters, at, block.values().length);
      at += block.values().length;
    }
    return parameters;
  }

  /** Changes the line of a round, and all links after it wherever they stand. */
  public static void ofChain(Path run, int round, Consumer<ObjectNode> change) {
    relink(
        run,
        line -> {
          if (line.path("round").asInt(-1) == round) {
            change.accept(line);
          }
        });
  }

  private static void relink(Path run, Consumer<ObjectNode> change) {
    Map<String, String> links = new HashMap<>();
    String link = "";
    for (String name : RunFiles.names(run.resolve("chain"))) {
      Path file = run.resolve("chain").resolve(name);
      StringBuilder text = new StringBuilder();
      for (String before : RunFiles.text(file).lines().toList()) {
        ObjectNode line = parse(before);
        String old = line.remove("link").asText();
        change.accept(line);
        link = ChainLine.linkOf(link, line.toString());
        links.put(old, link);
        text.append(line.put("link", link)).append('\n');
      }
      edit(file, any -> text.toString());
    }
    for (int round = 0; round < 100; round++) {
      Path file = run.resolve("checkpoints/round-%08d.safetensors".formatted(round));
      if (Files.exists(file)) {
        rewrite(
            run, round, whole -> with(whole, "chain", links.get(whole.metadata().get("chain"))));
      }
    }
    links.forEach((old, now) -> editResult(run, text -> text.replace(old, now)));
  }

  private static ObjectNode parse(String line) {
    try {
      return (ObjectNode) MAPPER.readTree(line);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Lets a run say that it was trained by another setting than it was. */
  public static void pretend(Path run, String setting, String value) {
    String key = setting.replaceFirst(" = .*", "");
    String before = RunFiles.text(run.resolve("config.conf"));
    String after = before.replace(setting + "\n", key + " = " + value + "\n");
    edit(run.resolve("config.conf"), any -> after);
    for (int round = 0; round < 100; round++) {
      if (Files.exists(run.resolve("checkpoints/round-%08d.safetensors".formatted(round)))) {
        ofMetadata(run, round, "config", after);
      }
    }
    String settings = ChainLine.settings(config(after));
    relink(
        run,
        line -> {
          if (line.has("settings")) {
            line.put("settings", settings);
          }
        });
    editResult(
        run,
        text ->
            text.replace(sha256(before), sha256(after))
                .replaceFirst("(\"" + key + "\" : \")[^\"]*", "$1" + value));
  }

  private static RunConfig config(String text) {
    try {
      return ConfigLoader.load(List.of(new ConfigSource("forged", text)), List.of());
    } catch (InvalidConfig e) {
      throw new IllegalArgumentException(e);
    }
  }

  private static String sha256(String text) {
    return Safetensors.sha256(text.getBytes(StandardCharsets.UTF_8));
  }

  /** Changes run.json and the statement alike, which has the digest of run.json too. */
  private static void editResult(Path run, UnaryOperator<String> change) {
    Path runJson = run.resolve("run.json");
    Path statement = run.resolve("provenance.intoto.json");
    String before = sha256(RunFiles.text(runJson));
    edit(runJson, change);
    edit(statement, change);
    edit(statement, text -> text.replace(before, sha256(RunFiles.text(runJson))));
  }

  private static void edit(Path file, UnaryOperator<String> change) {
    write(file, change.apply(RunFiles.text(file)).getBytes(StandardCharsets.UTF_8));
  }

  private static void write(Path file, byte[] bytes) {
    try {
      Files.write(file, bytes);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
