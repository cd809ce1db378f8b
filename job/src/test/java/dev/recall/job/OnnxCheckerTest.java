package dev.recall.job;

import static org.assertj.core.api.Assertions.assertThat;

import dev.recall.model.RegressorSpec;
import dev.recall.model.format.OnnxModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Exported models before ONNX's own checker and its strict inference of shapes. */
class OnnxCheckerTest {

  private static final String CHECK =
      """
      import sys, onnx
      for path in sys.argv[1:]:
          model = onnx.load(path)
          onnx.checker.check_model(model, full_check=True)
          inferred = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True)
          shapes = {value.name: [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
                    for value in list(inferred.graph.value_info) + list(inferred.graph.output)}
          print(shapes["hid1.Y"], shapes["outputs"],
                {entry.key: entry.value for entry in model.metadata_props})
      """;

  @TempDir private Path folder;

  @Test
  void acceptsEveryArchitectureAndInfersItsShapes() throws IOException {
    List<String> files = new ArrayList<>();
    for (boolean peepholes : new boolean[] {true, false}) {
      for (String layers :
          List.of(
              "[1, (lstm, 10), 1]",
              "[3, (lstm, 5), 2]",
              "[1, (lstm, 1), 1]",
              "[2, (lstm, 4), (lstm, 1), (lstm, 6), 3]")) {
        RegressorSpec spec = RegressorSpec.parse(layers, peepholes);
        float[] parameters = new float[spec.layout().size()];
        Arrays.fill(parameters, 0.5f);
        Path file = folder.resolve("model-" + files.size() + ".onnx");
        Files.write(file, OnnxModel.encode(spec, parameters, Map.of("seed", "13", "round", "80")));
        files.add(file.toString());
      }
    }
    String metadata = " {'round': '80', 'seed': '13'}";
    List<String> each =
        List.of(
            "['time', 1, 'batch', 10] ['time', 'batch', 1]" + metadata,
            "['time', 1, 'batch', 5] ['time', 'batch', 2]" + metadata,
            "['time', 1, 'batch', 1] ['time', 'batch', 1]" + metadata,
            "['time', 1, 'batch', 4] ['time', 'batch', 3]" + metadata);
    List<String> twice = new ArrayList<>(each);
    twice.addAll(each);
    assertThat(Python.run(folder, "onnx", CHECK, files).lines()).isEqualTo(twice);
  }
}
