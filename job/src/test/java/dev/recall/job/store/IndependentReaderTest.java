package dev.recall.job.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.DataType;
import ai.djl.util.passthrough.PassthroughNDManager;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.recall.job.config.Configs;
import dev.recall.job.config.RunConfig;
import dev.recall.job.train.BestSoFar;
import dev.recall.job.train.Snapshot;
import dev.recall.model.format.TensorFile;
import dev.recall.model.format.TensorFile.Tensor;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Checkpoints in readers of safetensors that are not ours. */
class IndependentReaderTest {

  private static final RunConfig CONFIG =
      Configs.small("model.layers=[1, (lstm, 3), (lstm, 2), 1]", "stop.patience=4");

  private static final String PYTHON =
      """
      import json, sys
      try:
          import safetensors
      except ImportError:
          sys.exit(3)
      with open(sys.argv[1], "rb") as file:
          tensors = safetensors.deserialize(file.read())
      print(json.dumps({name: [t["dtype"], list(t["shape"]), bytes(t["data"]).hex()] for name, t in tensors}))
      """;

  private static float[] values(Random random) {
    float[] values = new float[CONFIG.model().layout().size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    values[0] = -0f;
    values[1] = Float.MIN_VALUE;
    values[2] = Float.MAX_VALUE;
    return values;
  }

  private static byte[] checkpoint() {
    Random random = new Random(3);
    float[][] slots = {values(random), values(random), values(random)};
    Optional<BestSoFar> best = Optional.of(new BestSoFar(0.5, 1, values(random)));
    float[] parameters = values(random);
    Snapshot state = new Snapshot(7, 8, parameters, slots, new float[0][], best, 0, "0".repeat(64));
    return Checkpoint.encode(CONFIG, state, state);
  }

  /** Name to type, shape and the bytes of the values. */
  private static Map<String, String> expected(byte[] checkpoint) {
    TensorFile file = Checkpoint.tensors("written", checkpoint);
    Map<String, String> tensors = new TreeMap<>();
    for (Tensor tensor : file.tensors()) {
      tensors.put(tensor.name(), "F32 " + tensor.shape() + " " + hex(tensor.values()));
    }
    assertThat(tensors).hasSize(14 * 5);
    return tensors;
  }

  private static String hex(float[] values) {
    ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(values);
    return HexFormat.of().formatHex(bytes.array());
  }

  @Test
  void djlReadsEveryTensor() throws IOException {
    byte[] checkpoint = checkpoint();
    Map<String, String> found = new TreeMap<>();
    for (NDArray array :
        NDList.decode(PassthroughNDManager.INSTANCE, new ByteArrayInputStream(checkpoint))) {
      assertThat(array.getDataType()).isEqualTo(DataType.FLOAT32);
      String shape = Arrays.toString(array.getShape().getShape());
      found.put(array.getName(), "F32 " + shape + " " + hex(array.toFloatArray()));
    }
    assertThat(found).isEqualTo(expected(checkpoint));
  }

  @Test
  void pythonsSafetensorsReadsEveryTensor(@TempDir Path folder)
      throws IOException, InterruptedException {
    byte[] checkpoint = checkpoint();
    Path file = Files.write(folder.resolve("checkpoint.safetensors"), checkpoint);
    Path output = folder.resolve("output");
    Process process = python(file, output);
    if (process == null || process.exitValue() == 3) {
      String reason = "no python3 with safetensors here";
      System.out.println("reading a checkpoint with Python: skipped, " + reason);
      abort(reason);
      return;
    }
    String text = Files.readString(output);
    assertThat(process.exitValue()).as(text).isZero();
    Map<String, String> found = new TreeMap<>();
    JsonNode tensors = new ObjectMapper().readTree(text);
    tensors
        .fields()
        .forEachRemaining(
            entry -> {
              JsonNode tensor = entry.getValue();
              String shape = tensor.get(1).toString().replace(",", ", ");
              found.put(
                  entry.getKey(),
                  tensor.get(0).asText() + " " + shape + " " + tensor.get(2).asText());
            });
    assertThat(found).isEqualTo(expected(checkpoint));
  }

  private static Process python(Path file, Path output) throws InterruptedException {
    try {
      Process process =
          new ProcessBuilder("python3", "-c", PYTHON, file.toString())
              .redirectErrorStream(true)
              .redirectOutput(output.toFile())
              .start();
      assertThat(process.waitFor(1, TimeUnit.MINUTES)).isTrue();
      return process;
    } catch (IOException e) {
      return null;
    }
  }
}
