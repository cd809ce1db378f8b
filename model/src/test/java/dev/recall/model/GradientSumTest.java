package dev.recall.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;
import java.util.List;
import org.junit.jupiter.api.Test;

class GradientSumTest {

  @Test
  void sumsAddElementByElement() {
    GradientSum sum = sum(1, 2, 3, 4);
    sum.add(sum(10, 20, 30, 40));
    assertThat(sum.vector()).containsExactly(11, 22);
    assertThat(sum.loss()).isEqualTo(33);
    assertThat(sum.weight()).isEqualTo(44);
    assertThat(sum.meanLoss()).isEqualTo(0.75);
  }

  @Test
  void addedSumIsOnlyRead() {
    GradientSum other = sum(10, 20, 30, 40);
    sum(1, 2, 3, 4).add(other);
    assertThat(other.vector()).containsExactly(10, 20);
    assertThat(other.loss()).isEqualTo(30);
  }

  @Test
  void clearedSumIsASumOfNothing() {
    GradientSum sum = sum(1, 2, 3, 4);
    sum.clear();
    assertThat(sum.vector()).containsExactly(0, 0);
    assertThat(sum.loss()).isZero();
    assertThat(sum.weight()).isZero();
    assertThat(sum.meanLoss()).isNaN();
  }

  @Test
  void otherLengthIsRefused() {
    assertThatThrownBy(() -> new GradientSum(2).add(new GradientSum(3)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("gradient sum: expected length 2, found 3");
  }

  @Test
  void slicesPutTogetherAreTheSum() {
    GradientSum sum = sum(1, -0f, 3, 4);
    GradientSum joined =
        GradientSum.joined(List.of(sum.slice(0, 1), sum.slice(1, 1), sum.slice(1, 2)));
    assertThat(joined.vector()).isEqualTo(new float[] {1, -0f});
    assertThat(joined.loss()).isEqualTo(3);
    assertThat(joined.weight()).isEqualTo(4);
  }

  @Test
  void aSliceIsACopy() {
    GradientSum sum = sum(1, 2, 3, 4);
    sum.slice(0, 2).clear();
    assertThat(sum.vector()).containsExactly(1, 2);
  }

  @Test
  void serializedSumHoldsTheSameBits() throws Exception {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (ObjectOutputStream out = new ObjectOutputStream(bytes)) {
      out.writeObject(sum(-0f, Float.NaN, 3, 4));
    }
    try (ObjectInputStream in =
        new ObjectInputStream(new ByteArrayInputStream(bytes.toByteArray()))) {
      GradientSum copy = (GradientSum) in.readObject();
      assertThat(copy.vector()).isEqualTo(new float[] {-0f, Float.NaN});
      assertThat(copy.loss()).isEqualTo(3);
      assertThat(copy.weight()).isEqualTo(4);
    }
  }

  private static GradientSum sum(float first, float second, double loss, double weight) {
    GradientSum sum = new GradientSum(2);
    sum.vector()[0] = first;
    sum.vector()[1] = second;
    sum.addLoss(loss, weight);
    return sum;
  }
}
