package dev.recall.job;

import static dev.recall.job.Commands.recall;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.withinPercentage;

import dev.recall.job.Commands.Result;
import dev.recall.job.config.Configs;
import dev.recall.model.RegressorSpec;
import dev.recall.model.format.Dl4jNetwork;
import dev.recall.model.format.Dl4jZip;
import dev.recall.model.format.FormatException;
import dev.recall.model.format.ParameterTensors;
import dev.recall.model.format.Safetensors;
import dev.recall.model.format.TensorFile;
import dev.recall.model.format.TensorFile.Tensor;
import dev.recall.model.format.TorchStateDict;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code export}, and {@code train --from} what it wrote. */
class ExportTest {

  private static final RegressorSpec PEEPHOLES = RegressorSpec.parse("[1, (lstm, 4), 1]", true);
  private static final RegressorSpec PLAIN = RegressorSpec.parse("[1, (lstm, 4), 1]", false);

  @TempDir private static Path shared;
  @TempDir private Path folder;

  @BeforeAll
  static void train() {
    trained(shared.resolve("peepholes"));
    trained(shared.resolve("plain"), "model.peepholes=false");
  }

  private static Result trained(Path run, String... settings) {
    Result result =
        recall(
            Commands.with(
                Configs.smallWith(settings), "train", "--without-spark", "--run", run.toString()));
    assertThat(result.exitCode()).as(result.err()).isZero();
    return result;
  }

  private static Path run(String name) {
    return shared.resolve(name);
  }

  private Path file(String name) {
    return folder.resolve(name);
  }

  private Result export(String run, String format, String file, String... more) {
    List<String> args =
        new ArrayList<>(
            List.of(
                "export", run(run).toString(), "--format", format, "--out", file(file).toString()));
    args.addAll(List.of(more));
    return recall(args);
  }

  private Result from(Path start, String... settings) {
    List<String> args =
        Commands.with(
            Configs.smallWith(settings),
            "train",
            "--without-spark",
            "--run",
            file("new").toString());
    args.addAll(List.of("--from", start.toString()));
    return recall(args);
  }

  private static String hash(Path run) {
    return RunFiles.json(run.resolve("summary.json")).get("parameters_sha256").asText();
  }

  private static void assertRefused(Result result, String... parts) {
    assertThat(result.exitCode()).as(result.out() + result.err()).isEqualTo(2);
    assertThat(result.err()).contains(parts);
  }

  @ParameterizedTest
  @CsvSource({"peepholes, onnx", "plain, onnx", "peepholes, dl4j", "peepholes, safetensors"})
  void saysWhatItWroteAndWritesTheSameBytesAgain(String run, String format) {
    Result first = export(run, format, "first");
    assertThat(first.exitCode()).as(first.err()).isZero();
    byte[] bytes = RunFiles.bytes(file("first"));
    assertThat(first.out())
        .contains(
            "parameters SHA-256  " + hash(run(run)),
            "written             file:" + file("first"),
            "SHA-256             " + Safetensors.sha256(bytes));
    assertThat(export(run, format, "second").exitCode()).isZero();
    assertThat(RunFiles.bytes(file("second"))).isEqualTo(bytes);
  }

  @Test
  void aFileThatIsThereIsReplacedOnlyOnRequest() throws IOException {
    Files.writeString(file("there"), "mine");
    assertRefused(export("plain", "onnx", "there"), "found one; --overwrite replaces it");
    assertThat(file("there")).hasContent("mine");
    assertThat(export("plain", "onnx", "there", "--overwrite").exitCode()).isZero();
    assertThat(RunFiles.bytes(file("there"))).hasSizeGreaterThan(400);
  }

  @Test
  void safetensorsSayWhereTheyComeFromAndHoldTheParametersAlone()
      throws IOException, FormatException {
    assertThat(export("peepholes", "safetensors", "model").exitCode()).isZero();
    TensorFile file = Safetensors.decode(RunFiles.bytes(file("model")));
    assertThat(file.names())
        .isEqualTo(PEEPHOLES.layout().blocks().stream().map(block -> block.name()).toList());
    assertThat(file.metadata())
        .containsEntry("round", "6")
        .containsEntry("seed", "13")
        .containsEntry("layers", "[1, (lstm, 4), 1]")
        .containsEntry("parameters_sha256", hash(run("peepholes")))
        .containsEntry("chain", RunFiles.chainHead(run("peepholes")))
        .containsEntry(
            "config_sha256",
            Safetensors.sha256(RunFiles.bytes(run("peepholes").resolve("config.conf"))))
        .containsEntry(
            "model_file_sha256",
            Safetensors.sha256(RunFiles.bytes(RunFiles.newestCheckpoint(run("peepholes")))))
        .containsKey("recall_version");
    Result evaluated = recall("evaluate", file("model").toString());
    assertThat(evaluated.exitCode()).as(evaluated.err()).isZero();
    assertThat(evaluated.out()).contains("parameters SHA-256  " + hash(run("peepholes")));
  }

  @Test
  void aFileWithoutSettingsIsNotSaidToHaveHadAny() throws IOException, FormatException {
    float[] parameters = new float[PLAIN.layout().size()];
    Files.write(file("bare"), safetensors(ParameterTensors.of("", PLAIN.layout(), parameters)));
    Result result =
        recall(
            "export",
            file("bare").toString(),
            "--format=safetensors",
            "--out=" + file("model"),
            "--set=model.layers=[1, (lstm, 4), 1]",
            "--set=model.peepholes=false");
    assertThat(result.exitCode()).as(result.err()).isZero();
    assertThat(Safetensors.decode(RunFiles.bytes(file("model"))).metadata())
        .containsKeys("layers", "parameters_sha256", "model_file_sha256")
        .doesNotContainKeys("config", "config_sha256", "seed", "round");
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void deeplearning4jGetsTheStateOfItsRmsProp(int localSteps) throws Exception {
    Path run = folder.resolve("run");
    String optimizer = localSteps == 1 ? "training.optimizer." : "training.local-optimizer.";
    trained(
        run,
        "training.local-steps=" + localSteps,
        "stop.patience=0",
        optimizer + "algorithm=rmsprop-plain",
        optimizer + "momentum=0",
        optimizer + "clip-norm=0",
        optimizer + "decay=constant",
        optimizer + "warm-up-rounds=0",
        optimizer + "learning-rate=0.004");
    Result result = recall("export", run.toString(), "--format=dl4j", "--out=" + file("model"));
    assertThat(result.exitCode()).as(result.err()).isZero();
    Dl4jNetwork.RmsProp there =
        Dl4jZip.decode(RunFiles.bytes(file("model"))).rmsProp().orElseThrow();
    assertThat(there.learningRate()).isEqualTo(0.004);
    TensorFile checkpoint = Safetensors.decode(RunFiles.bytes(RunFiles.newestCheckpoint(run)));
    String slot = localSteps == 1 ? "optimizer.mean_square." : "optimizer.local.mean_square.";
    float[] here = ParameterTensors.read(checkpoint, slot, PEEPHOLES.layout());
    // All six steps of a sequence count.
    float[] ours = there.toMean(6);
    for (int i = 0; i < here.length; i++) { // twice rounded to float32
      assertThat(ours[i]).isCloseTo(here[i], withinPercentage(1e-4));
    }
    assertThat(here).isNotEqualTo(new float[here.length]);
  }

  @Test
  void onnxModelsCarryTheSameMetadata() throws IOException {
    assertThat(export("peepholes", "onnx", "model").exitCode()).isZero();
    String text = new String(RunFiles.bytes(file("model")), StandardCharsets.ISO_8859_1);
    assertThat(text)
        .contains("parameters_sha256", hash(run("peepholes")), "config_sha256", "recall_version");
  }

  @Test
  void pytorchsLayoutIsRefusedForPeepholes() {
    assertRefused(
        export("peepholes", "safetensors", "model", "--layout", "pytorch"),
        "for PyTorch's nn.LSTM: expected no peepholes, found model.peepholes=true");
    assertThat(file("model")).doesNotExist();
  }

  @Test
  void wrongOptionsAreRefused() {
    assertRefused(
        export("plain", "tflite", "model"),
        "--format: expected one of onnx, dl4j, safetensors, found tflite");
    assertRefused(
        export("plain", "safetensors", "model", "--layout", "keras"),
        "--layout: expected recall or pytorch, found keras");
    assertRefused(
        export("plain", "onnx", "model", "--layout", "pytorch"),
        "--layout: expected --format safetensors beside it, found onnx");
    assertRefused(
        export("plain", "onnx", "model", "--registry", "r"),
        "export: expected either MODEL or --registry, found both\n"
            + "--registry and --name: expected both or none, found one");
    assertRefused(
        recall("export", "--format", "onnx"),
        "export: expected either MODEL or --registry, found neither");
    assertRefused(
        recall("export", "--format", "onnx", "--registry", "r"),
        "--registry and --name: expected both or none, found one");
  }

  @Test
  void aVersionIsExportedByItsNumberOrAsTheOneInService() {
    Path registry = file("registry");
    List<String> retrain =
        Commands.with(
            Configs.smallWith(),
            "retrain",
            "--without-spark",
            "--registry",
            registry.toString(),
            "--name",
            "memory",
            "--scheduled",
            "2026-11-22T06:00:00Z");
    assertThat(recall(retrain).exitCode()).isZero();
    String[] version = {
      "export", "--registry", registry.toString(), "--name", "memory", "--format", "onnx", "--out"
    };
    List<String> inService = new ArrayList<>(List.of(version));
    inService.add(file("in-service").toString());
    Result result = recall(inService);
    assertThat(result.exitCode()).as(result.err()).isZero();
    assertThat(result.out()).contains("/memory/versions/000001/model.safetensors");
    List<String> first = new ArrayList<>(List.of(version));
    first.addAll(List.of(file("first").toString(), "--model-version", "1"));
    assertThat(recall(first).exitCode()).isZero();
    assertThat(RunFiles.bytes(file("first"))).isEqualTo(RunFiles.bytes(file("in-service")));
    first.set(first.size() - 1, "7");
    first.add("--overwrite");
    assertRefused(recall(first), "7");
  }

  @ParameterizedTest
  @CsvSource({
    "peepholes, safetensors, recall, recall",
    "plain, safetensors, pytorch, pytorch",
    "peepholes, dl4j, , dl4j",
    "plain, dl4j, , dl4j"
  })
  void trainingStartsFromEveryFormatWithTheSameBits(
      String run, String format, String layout, String kind) {
    String[] more = layout == null ? new String[0] : new String[] {"--layout", layout};
    assertThat(export(run, format, "model", more).exitCode()).isZero();
    Result result = from(file("model"), "model.peepholes=" + run.equals("peepholes"));
    assertThat(result.exitCode()).as(result.err()).isZero();
    String digest = Safetensors.sha256(RunFiles.bytes(file("model")));
    assertThat(result.err())
        .contains("parameters of file:" + file("model") + " (" + kind + "), SHA-256 " + digest);
    var start = RunFiles.json(file("new").resolve("run.json")).get("start");
    assertThat(start.get("parameters_sha256").asText()).isEqualTo(hash(run(run)));
    assertThat(start.get("file").asText()).isEqualTo("file:" + file("model"));
    assertThat(start.get("file_kind").asText()).isEqualTo(kind);
    assertThat(start.get("file_sha256").asText()).isEqualTo(digest);
    assertThat(RunFiles.text(file("new").resolve("provenance.intoto.json"))).contains(digest);
    Result verified = recall("verify", file("new").toString());
    assertThat(verified.exitCode()).as(verified.err()).isZero();
    assertThat(verified.out()).contains("start: the parameters of file:" + file("model"));
  }

  @Test
  void verifySaysWhenTheFileIsGoneOrAnother() throws IOException {
    Path start = file("model");
    assertThat(export("peepholes", "safetensors", "model").exitCode()).isZero();
    assertThat(from(start).exitCode()).isZero();
    Files.writeString(start, "another");
    Result another = recall("verify", file("new").toString());
    assertThat(another.exitCode()).as(another.err()).isZero();
    assertThat(another.out()).contains("start: file:" + start + " is another file now;");
    Files.delete(start);
    Result gone = recall("verify", file("new").toString());
    assertThat(gone.exitCode()).as(gone.err()).isZero();
    assertThat(gone.out())
        .contains("start: file:" + start + ": expected a file, found nothing; its parameters");
  }

  @Test
  void verifyFindsARunThatDidNotBeginWithItsFile() throws IOException {
    Path start = file("model");
    assertThat(export("peepholes", "safetensors", "model").exitCode()).isZero();
    assertThat(from(start).exitCode()).isZero();
    byte[] other =
        safetensors(
            ParameterTensors.of("", PEEPHOLES.layout(), new float[PEEPHOLES.layout().size()]));
    Path runJson = file("new").resolve("run.json");
    String before = Safetensors.sha256(RunFiles.bytes(start));
    Files.write(start, other);
    Files.writeString(runJson, RunFiles.text(runJson).replace(before, Safetensors.sha256(other)));
    Result verified = recall("verify", file("new").toString());
    assertThat(verified.exitCode()).isEqualTo(4);
    assertThat(verified.err()).contains("not verified: start: parameters of file:" + start);
  }

  private static byte[] safetensors(List<Tensor> tensors) {
    return Safetensors.encode(new TensorFile(Map.of(), tensors));
  }

  private static byte[] ofLayers(String kind, String layers, boolean peepholes) {
    RegressorSpec spec = RegressorSpec.parse(layers, peepholes);
    float[] parameters = new float[spec.layout().size()];
    return switch (kind) {
      case "recall" -> safetensors(ParameterTensors.of("", spec.layout(), parameters));
      case "pytorch" -> safetensors(TorchStateDict.of(spec, parameters));
      default -> Dl4jZip.encode(Dl4jNetwork.of(spec, parameters));
    };
  }

  @ParameterizedTest
  @ValueSource(strings = {"recall", "pytorch", "dl4j"})
  void aFileOfAnotherModelIsRefusedWithAllThatDiffersAndTheSettingsThatFit(String kind)
      throws IOException {
    Files.write(file("other"), ofLayers(kind, "[1, (lstm, 5), 1]", false));
    Result result = from(file("other"));
    boolean torch = kind.equals("pytorch");
    assertRefused(
        result,
        "file:" + file("other") + ": not the parameters of this model: expected ",
        torch ? "lstm.weight_hh_l0 [16, 4]" : "hid1.hh [4, 16]",
        torch ? "[20, 5]" : "[5, 20]",
        torch ? "model.peepholes=false, as nn.LSTM has none" : "hid1.ci [4]",
        "; the file has model.layers=[1, (lstm, 5), 1] and model.peepholes=false, the settings"
            + " model.layers=[1, (lstm, 4), 1] and model.peepholes=true");
    assertThat(file("new")).doesNotExist();
  }

  @Test
  void filesThatAreNotParametersAreRefused() throws IOException {
    Files.write(
        file("zip"),
        new byte[] {
          'P', 'K', 3, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0,
          0, 0, 'a', 'r', 'c', 'h', 'i', 'v', 'e', '/', 'd', 'a', 't', 'a', '.', 'p', 'k', 'l'
        });
    assertRefused(from(file("zip")), "found PyTorch's own format, which runs code when it is read");
    float[] parameters = new float[PLAIN.layout().size()];
    parameters[PLAIN.layout().offset("hid1.b")] = Float.NaN;
    Files.write(file("nan"), Dl4jZip.encode(Dl4jNetwork.of(PLAIN, parameters)));
    assertRefused(
        from(file("nan"), "model.peepholes=false"), ": expected finite hid1.b, found NaN");
    assertRefused(
        recall("train", "--resume", run("plain").toString(), "--from", file("nan").toString()),
        "--resume: expected neither --run nor --from beside it");
  }
}
