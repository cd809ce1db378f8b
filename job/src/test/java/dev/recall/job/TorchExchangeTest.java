package dev.recall.job;

import static dev.recall.job.Commands.recall;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.recall.job.Commands.Result;
import dev.recall.job.config.Configs;
import dev.recall.job.config.RunConfig;
import dev.recall.job.store.Checkpoint;
import dev.recall.model.ParameterLayout.Block;
import dev.recall.model.format.Safetensors;
import dev.recall.model.format.TensorFile;
import dev.recall.model.format.TensorFile.Tensor;
import dev.recall.model.recurrent.Engines;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Parameters on their way to PyTorch and back, through the commands that users have. */
class TorchExchangeTest {

  /** Reads ours, runs it; makes its own with the same layers, runs and saves it. */
  private static final String SCRIPT =
      """
      import json, struct, sys
      import torch

      def load(path):
          data = open(path, "rb").read()
          start = 8 + struct.unpack("<Q", data[:8])[0]
          header = json.loads(data[8:start])
          header.pop("__metadata__", None)
          part = lambda t: bytearray(data[start + t["data_offsets"][0]:start + t["data_offsets"][1]])
          return {name: torch.frombuffer(part(t), dtype=torch.float32).reshape(t["shape"]) for name, t in header.items()}

      def save(path, tensors):
          header, values = {"__metadata__": {"format": "pt"}}, b""
          for name, tensor in tensors.items():
              more = tensor.detach().contiguous().numpy().tobytes()
              header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [len(values), len(values) + len(more)]}
              values += more
          text = json.dumps(header).encode()
          open(path, "wb").write(struct.pack("<Q", len(text)) + text + values)

      class Regressor(torch.nn.Module):
          def __init__(self, inputs, units, layers, outputs):
              super().__init__()
              self.lstm = torch.nn.LSTM(inputs, units, layers)
              self.linear = torch.nn.Linear(units, outputs)
          def forward(self, x):
              return self.linear(self.lstm(x)[0])

      torch.manual_seed(1)
      for case in sys.argv[1:]:
          folder, sizes = case.split("=")
          inputs = load(folder + "/inputs.safetensors")["inputs"]
          sizes = [int(size) for size in sizes.split(",")]
          ours = Regressor(*sizes)
          ours.load_state_dict(load(folder + "/model.safetensors"), strict=True)
          save(folder + "/ours.safetensors", {"outputs": ours(inputs)})
          theirs = Regressor(*sizes)
          save(folder + "/torch.safetensors", {"net." + name: value for name, value in theirs.state_dict().items()})
          save(folder + "/theirs.safetensors", {"outputs": theirs(inputs)})
      """;

  private static final int STEPS = 20;
  private static final int BATCH = 50;

  private record Case(String name, List<String> settings, String sizes) {
    RunConfig config() {
      return Configs.of(settings.toArray(new String[0]));
    }
  }

  private static final List<Case> CASES =
      List.of(
          new Case(
              "memory",
              Configs.smallWith("model.peepholes=false", "model.layers=[1, (lstm, 10), 1]"),
              "1,10,1,1"),
          new Case(
              "adding",
              Configs.smallWith(
                  "model.peepholes=false",
                  "task.kind=adding",
                  "model.layers=[2, (lstm, 5), (lstm, 5), 1]"),
              "2,5,2,1"));

  @TempDir private Path folder;

  private Path place(Case one, String name) {
    return folder.resolve(one.name()).resolve(name);
  }

  @Test
  void bothSidesGiveTheSameOutputs() throws IOException {
    List<String> arguments = new ArrayList<>();
    for (Case one : CASES) {
      Files.createDirectories(folder.resolve(one.name()));
      writeInputs(one);
      trained(one, "run");
      assertDone(
          recall(
              "export",
              place(one, "run").toString(),
              "--format",
              "safetensors",
              "--layout",
              "pytorch",
              "--out",
              place(one, "model.safetensors").toString()));
      arguments.add(folder.resolve(one.name()) + "=" + one.sizes());
    }
    Python.run(folder, "torch", SCRIPT, arguments);
    for (Case one : CASES) {
      Path run = place(one, "run");
      assertSameOutputs(one, RunFiles.newestCheckpoint(run), "ours.safetensors");
      trained(one, "from", "--from", place(one, "torch.safetensors").toString());
      Path first = place(one, "from").resolve("checkpoints/round-00000000.safetensors");
      assertSameOutputs(one, first, "theirs.safetensors");
      assertDone(recall("verify", place(one, "from").toString()));
    }
  }

  private void writeInputs(Case one) throws IOException {
    int size = one.config().model().inputSize();
    Random random = new Random(11);
    float[] values = new float[STEPS * BATCH * size];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    Tensor inputs = new Tensor("inputs", List.of(STEPS, BATCH, size), values);
    Files.write(
        place(one, "inputs.safetensors"),
        Safetensors.encode(new TensorFile(Map.of(), List.of(inputs))));
  }

  private void trained(Case one, String run, String... more) {
    List<String> args =
        Commands.with(
            one.settings(), "train", "--without-spark", "--run", place(one, run).toString());
    args.addAll(List.of(more));
    assertDone(recall(args));
  }

  private static void assertDone(Result result) {
    assertThat(result.exitCode()).as(result.err()).isZero();
  }

  /** Both sum in float32, each in an order of its own. */
  private void assertSameOutputs(Case one, Path checkpoint, String torch) {
    RunConfig config = one.config();
    Map<String, float[]> blocks = RunFiles.tensors(checkpoint);
    float[] parameters = new float[config.model().layout().size()];
    for (Block block : config.model().layout().blocks()) {
      System.arraycopy(blocks.get(block.name()), 0, parameters, block.offset(), block.length());
    }
    float[] inputs = RunFiles.tensors(place(one, "inputs.safetensors")).get("inputs");
    float[] outputs = new float[STEPS * BATCH * config.model().outputSize()];
    Engines.create(config.model()).predict(parameters, inputs, STEPS, BATCH, outputs);
    byte[] file = RunFiles.bytes(place(one, torch));
    float[] expected = Checkpoint.tensors(torch, file).find("outputs").orElseThrow().values();
    assertThat(outputs).as(one.name() + " " + torch).containsExactly(expected, within(1e-5f));
  }
}
