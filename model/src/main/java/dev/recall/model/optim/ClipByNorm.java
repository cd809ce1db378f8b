package dev.recall.model.optim;

import dev.recall.model.ParameterLayout;
import dev.recall.model.ParameterLayout.Block;
import java.util.List;

/**
 * Scales down what is longer than a limit, {@code g min(1, limit / |g|)}: each parameter block by
 * itself (theanets' {@code max_gradient_norm}) or the whole gradient (PyTorch's {@code
 * clip_grad_norm_}). Norms are Euclidean and summed in double.
 *
 * @param limit above 0
 * @param perBlock whether each block has a norm of its own
 */
public record ClipByNorm(double limit, boolean perBlock) implements GradientTransform {

  /**
   * Checks the number.
   *
   * @param limit as above
   * @param perBlock as above
   */
  public ClipByNorm {
    if (!(limit > 0)) {
      throw new IllegalArgumentException("clip norm: expected above 0, found " + limit);
    }
  }

  @Override
  public List<String> slots() {
    return List.of();
  }

  @Override
  public void apply(float[] update, float[][] state, ParameterLayout layout, double time) {
    if (!perBlock) {
      clip(update, 0, update.length);
      return;
    }
    for (Block block : layout.blocks()) {
      clip(update, block.offset(), block.length());
    }
  }

  private void clip(float[] update, int offset, int length) {
    double squares = 0;
    for (int i = offset; i < offset + length; i++) {
      squares += (double) update[i] * update[i];
    }
    double norm = Math.sqrt(squares);
    if (norm > limit) {
      float scale = (float) (limit / norm);
      for (int i = offset; i < offset + length; i++) {
        update[i] *= scale;
      }
    }
  }
}
