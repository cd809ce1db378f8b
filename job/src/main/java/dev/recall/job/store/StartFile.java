package dev.recall.job.store;

import dev.recall.job.config.UserError;
import dev.recall.model.LstmSpec;
import dev.recall.model.ParameterLayout.Block;
import dev.recall.model.RegressorSpec;
import dev.recall.model.format.Dl4jNetwork;
import dev.recall.model.format.Dl4jZip;
import dev.recall.model.format.FormatException;
import dev.recall.model.format.ParameterTensors;
import dev.recall.model.format.Safetensors;
import dev.recall.model.format.TensorFile;
import dev.recall.model.format.TorchStateDict;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Optional;

/**
 * Parameters from a file of Recall, PyTorch or Deeplearning4j, for a training to start from. What
 * kind of file it is, its content says.
 *
 * @param path where it was
 * @param sha256 digest of its bytes
 * @param kind {@code recall}, {@code pytorch} or {@code dl4j}
 * @param parameters [parameters] in the order of the model's layout
 */
public record StartFile(String path, String sha256, String kind, float[] parameters) {

  private static final int MOST_LAYERS = 20; // in a message
  private static final int NAME_LENGTH = 26; // in the header of a zip's entry
  private static final int NAME = 30;
  private static final String PICKLE = "/data.pkl";

  /**
   * Reads a file.
   *
   * @param storage file systems
   * @param path the file, at most 1 GiB
   * @param spec layers that the model has
   * @return its parameters
   * @throws UserError naming all that does not fit
   */
  public static StartFile read(Storage storage, String path, RegressorSpec spec) {
    return decode(storage.qualify(path), storage.read(path), spec);
  }

  /**
   * Decodes a file.
   *
   * @param path for messages
   * @param bytes the whole file
   * @param spec layers that the model has
   * @return its parameters
   * @throws UserError naming all that does not fit
   */
  public static StartFile decode(String path, byte[] bytes, RegressorSpec spec) {
    if (isZip(bytes)) {
      return new StartFile(path, Safetensors.sha256(bytes), "dl4j", ofZip(path, bytes, spec))
          .checked(spec);
    }
    TensorFile file = Checkpoint.tensors(path, bytes);
    boolean torch = TorchStateDict.isOne(file);
    float[] parameters = torch ? ofTorch(path, file, spec) : ofRecall(path, file, spec);
    return new StartFile(path, Safetensors.sha256(bytes), torch ? "pytorch" : "recall", parameters)
        .checked(spec);
  }

  private static boolean isZip(byte[] bytes) {
    return bytes.length > NAME
        && bytes[0] == 'P'
        && bytes[1] == 'K'
        && bytes[2] == 3
        && bytes[3] == 4;
  }

  private static float[] ofZip(String path, byte[] bytes, RegressorSpec spec) {
    int length = bytes[NAME_LENGTH] & 0xff | (bytes[NAME_LENGTH + 1] & 0xff) << 8;
    int end = Math.min(bytes.length, NAME + length);
    String first = new String(bytes, NAME, end - NAME, StandardCharsets.UTF_8);
    if (first.endsWith(PICKLE)) {
      throw new UserError(
          path
              + ": expected safetensors or a zip of Deeplearning4j, found PyTorch's own format,"
              + " which runs code when it is read; save the state dict with"
              + " safetensors.torch.save_file");
    }
    Dl4jNetwork network;
    try {
      network = Dl4jZip.decode(bytes);
    } catch (FormatException e) {
      throw new UserError(path + ": not a network of Deeplearning4j: " + e.getMessage());
    }
    TensorFile blocks =
        new TensorFile(
            Map.of(), ParameterTensors.of("", network.spec().layout(), network.parameters()));
    return ofRecall(path, blocks, spec);
  }

  private static float[] ofTorch(String path, TensorFile file, RegressorSpec spec) {
    try {
      return TorchStateDict.read(file, spec);
    } catch (FormatException e) {
      throw new UserError(
          path
              + ": not the parameters of this model: "
              + e.getMessage()
              + hint(spec, TorchStateDict.spec(file)));
    }
  }

  private static float[] ofRecall(String path, TensorFile file, RegressorSpec spec) {
    try {
      return Checkpoint.result(path, file, spec.layout());
    } catch (UserError e) {
      throw new UserError(e.getMessage() + hint(spec, ParameterTensors.spec(file)));
    }
  }

  private static String hint(RegressorSpec wanted, Optional<RegressorSpec> there) {
    return there
        .filter(spec -> !spec.equals(wanted) && spec.cells().size() <= MOST_LAYERS)
        .map(spec -> "; the file has " + settings(spec) + ", the settings " + settings(wanted))
        .orElse("");
  }

  private static String settings(RegressorSpec spec) {
    boolean peepholes =
        spec.cells().stream().anyMatch(cell -> cell instanceof LstmSpec lstm && lstm.peepholes());
    return "model.layers=" + spec.layers() + " and model.peepholes=" + peepholes;
  }

  /** Training would end at once, with a message about its own first round. */
  private StartFile checked(RegressorSpec spec) {
    for (Block block : spec.layout().blocks()) {
      for (int i = block.offset(); i < block.offset() + block.length(); i++) {
        if (!Float.isFinite(parameters[i])) {
          throw new UserError(
              path + ": expected finite " + block.name() + ", found " + parameters[i]);
        }
      }
    }
    return this;
  }
}
