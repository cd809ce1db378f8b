package dev.recall.model.recurrent;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

class VectorMemoryTest {

  private final VectorMemory memory = new VectorMemory();

  @Test
  void areasLieApartAndHoldZeros() {
    memory.clear();
    int first = memory.area(100);
    int second = memory.area(64);
    memory.allocate();
    assertThat(second).isGreaterThanOrEqualTo(first + 100);
    assertThat(memory.floats()).hasSizeGreaterThanOrEqualTo(second + 64).containsOnly(0f);
  }

  @Test
  void areasThatAreMadeAnewHoldZeros() {
    memory.clear();
    memory.area(1000);
    memory.allocate();
    Arrays.fill(memory.floats(), 1f);
    memory.clear();
    memory.area(10);
    memory.allocate();
    assertThat(memory.floats()).containsOnly(0f);
  }

  @Test
  void aNewStartMovesAllAreas() {
    memory.clear();
    int before = memory.area(32);
    memory.moveTo(6);
    assertThat(memory.align()).isTrue();
    memory.clear();
    assertThat(memory.area(32)).isEqualTo(before + 6);
  }

  @Test
  void everyStartFoundByMeasurementIsOneOfFour() {
    for (int i = 0; i < 3000; i++) {
      memory.align();
      memory.clear();
      int at = memory.area(1);
      assertThat(at % 8).isIn(0, 2, 4, 6);
    }
  }
}
