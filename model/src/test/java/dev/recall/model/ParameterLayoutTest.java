package dev.recall.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import dev.recall.model.ParameterLayout.Block;
import dev.recall.model.ParameterLayout.Shape;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ParameterLayoutTest {

  @Test
  void seedsNetHas521ParametersInTheSeedsOrder() {
    ParameterLayout layout = layout("[1, (lstm, 10), 1]", true);
    assertThat(layout.size()).isEqualTo(521);
    assertThat(layout.blocks())
        .containsExactly(
            new Block("hid1.xh", List.of(1, 40), 0, 40),
            new Block("hid1.hh", List.of(10, 40), 40, 400),
            new Block("hid1.b", List.of(40), 440, 40),
            new Block("hid1.ci", List.of(10), 480, 10),
            new Block("hid1.cf", List.of(10), 490, 10),
            new Block("hid1.co", List.of(10), 500, 10),
            new Block("out.w", List.of(10, 1), 510, 10),
            new Block("out.b", List.of(1), 520, 1));
  }

  @Test
  void seedsNetWithoutPeepholesHas491() {
    ParameterLayout layout = layout("[1, (lstm, 10), 1]", false);
    assertThat(layout.size()).isEqualTo(491);
    assertThat(layout.blocks())
        .extracting(Block::name)
        .containsExactly("hid1.xh", "hid1.hh", "hid1.b", "out.w", "out.b");
  }

  @Test
  void layersOfAStackFollowEachOther() {
    ParameterLayout layout = layout("[3, (lstm, 5), (lstm, 4), 2]", false);
    assertThat(layout.blocks())
        .extracting(block -> block.name() + block.dimensions())
        .containsExactly(
            "hid1.xh[3, 20]",
            "hid1.hh[5, 20]",
            "hid1.b[20]",
            "hid2.xh[5, 16]",
            "hid2.hh[4, 16]",
            "hid2.b[16]",
            "out.w[4, 2]",
            "out.b[2]");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "theanets_page.json",
        "theanets_weighted_momentum_clip.json",
        "torch_lstm10.json",
        "torch_two_layers_weighted.json"
      })
  void blocksAreThoseOfTheReferenceFiles(String name) {
    ReferenceFile file = ReferenceFile.read(name);
    List<String> expected = new ArrayList<>();
    file.json()
        .path("params0")
        .fields()
        .forEachRemaining(entry -> expected.add(entry.getKey() + shape(entry.getValue())));
    assertThat(file.spec().layout().blocks())
        .extracting(block -> block.name() + block.dimensions())
        .isEqualTo(expected);
  }

  private static List<Integer> shape(JsonNode array) {
    return array.path(0).isArray()
        ? List.of(array.size(), array.path(0).size())
        : List.of(array.size());
  }

  @Test
  void blocksAreFoundByName() {
    ParameterLayout layout = layout("[1, (lstm, 10), 1]", true);
    assertThat(layout.offset("hid1.cf")).isEqualTo(490);
    assertThat(layout.find("hid1.cf")).map(Block::length).contains(10);
    assertThat(layout.find("hid2.xh")).isEmpty();
    assertThatThrownBy(() -> layout.offset("hid2.xh"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("no parameter block hid2.xh")
        .hasMessageContaining("hid1.xh");
  }

  @Test
  void moreParametersThanAnArrayHoldsAreRefused() {
    List<Shape> shapes =
        List.of(new Shape("a", List.of(1 << 15, 1 << 15)), new Shape("b", List.of(1 << 30)));
    assertThatThrownBy(() -> ParameterLayout.of(shapes))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("parameters: expected at most 2147483647, found more at b");
  }

  /** 4 size overflows an int at 2^29; the sizes below do so in several ways. */
  @ParameterizedTest
  @ValueSource(ints = {1 << 15, 536_870_911, 1 << 29, 1 << 30, Integer.MAX_VALUE})
  void layerTooLargeForAnArrayIsRefused(int size) {
    assertThatThrownBy(() -> layout("[1, (lstm, " + size + "), 1]", false))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("expected at most");
  }

  private static ParameterLayout layout(String layers, boolean peepholes) {
    return RegressorSpec.parse(layers, peepholes).layout();
  }
}
