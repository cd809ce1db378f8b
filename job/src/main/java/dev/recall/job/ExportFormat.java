package dev.recall.job;

import dev.recall.job.config.UserError;
import dev.recall.model.format.OnnxModel;
import dev.recall.model.format.ParameterTensors;
import dev.recall.model.format.Safetensors;
import dev.recall.model.format.TensorFile;
import dev.recall.model.format.TensorFile.Tensor;
import dev.recall.model.format.TorchStateDict;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** What {@code recall export} writes. */
enum ExportFormat {
  /** {@link OnnxModel}. */
  ONNX("onnx", "model.onnx") {
    @Override
    byte[] encode(GivenModel model, Map<String, String> metadata) {
      return OnnxModel.encode(model.config().model(), model.parameters(), metadata);
    }
  },
  /** {@link Dl4jExport}; it has no place for metadata. */
  DL4J("dl4j", "model.zip") {
    @Override
    byte[] encode(GivenModel model, Map<String, String> metadata) {
      return Dl4jExport.encode(model);
    }
  },
  /** The model's blocks, as a checkpoint has them. */
  SAFETENSORS("safetensors", "model.safetensors") {
    @Override
    byte[] encode(GivenModel model, Map<String, String> metadata) {
      return tensors(
          ParameterTensors.of("", model.config().model().layout(), model.parameters()), metadata);
    }
  },
  /** {@link TorchStateDict}. */
  PYTORCH("safetensors", "model.safetensors") {
    @Override
    byte[] encode(GivenModel model, Map<String, String> metadata) {
      Map<String, String> more = new TreeMap<>(metadata);
      more.put("format", "pt"); // what readers of Hugging Face's libraries look for
      return tensors(TorchStateDict.of(model.config().model(), model.parameters()), more);
    }
  };

  private final String format;
  private final String defaultFile;

  ExportFormat(String format, String defaultFile) {
    this.format = format;
    this.defaultFile = defaultFile;
  }

  /** Name of the file where the user gives none. */
  String defaultFile() {
    return defaultFile;
  }

  /** The bytes of the file; the same for the same model, settings and version of Recall. */
  abstract byte[] encode(GivenModel model, Map<String, String> metadata);

  /** The same with what the file is to say about its origin. */
  byte[] encode(GivenModel model) {
    return encode(model, origin(model));
  }

  /**
   * Finds a format.
   *
   * @param format of {@code --format}
   * @param layout of {@code --layout}, or null
   * @throws UserError when there is none of that name
   */
  static ExportFormat of(String format, String layout) {
    boolean torch = "pytorch".equals(layout);
    if (layout != null && !torch && !layout.equals("recall")) {
      throw new UserError("--layout: expected recall or pytorch, found " + layout);
    }
    ExportFormat found =
        switch (format) {
          case "onnx" -> ONNX;
          case "dl4j" -> DL4J;
          case "safetensors" -> torch ? PYTORCH : SAFETENSORS;
          default ->
              throw new UserError(
                  "--format: expected one of onnx, dl4j, safetensors, found " + format);
        };
    if (layout != null && !found.format.equals("safetensors")) {
      throw new UserError("--layout: expected --format safetensors beside it, found " + format);
    }
    return found;
  }

  private static byte[] tensors(List<Tensor> tensors, Map<String, String> metadata) {
    return Safetensors.encode(new TensorFile(metadata, tensors));
  }

  /** What is known of the run, sorted by key, so that the same model gives the same bytes. */
  private static Map<String, String> origin(GivenModel model) {
    Map<String, String> origin = new TreeMap<>();
    for (String key : List.of("config", "seed", "round", "examples", "chain", "parameters")) {
      Optional.ofNullable(model.tensors().metadata().get(key))
          .ifPresent(value -> origin.put(key, value));
    }
    Optional.ofNullable(origin.get("config"))
        .map(text -> Safetensors.sha256(text.getBytes(StandardCharsets.UTF_8)))
        .ifPresent(digest -> origin.put("config_sha256", digest));
    origin.putIfAbsent("parameters", model.hasBest() ? "best" : "last");
    origin.put("layers", model.config().model().layers());
    origin.put("parameters_sha256", Safetensors.sha256(model.parameters()));
    origin.put("model_file_sha256", model.sha256());
    Build build = Build.current();
    origin.put("recall_version", build.version());
    build.revision().ifPresent(revision -> origin.put("recall_revision", revision));
    return origin;
  }
}
