package dev.recall.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class RegressorSpecTest {

  private static final RegressorSpec SEED =
      new RegressorSpec(1, List.of(new LstmSpec(10, true)), 1);

  @ParameterizedTest
  @ValueSource(
      strings = {
        "[1, ('lstm', 10), 1]", // the seed's page
        "[1, (\"lstm\", 10), 1]",
        "[1, (lstm, 10), 1]",
        "[1, (10, lstm), 1]",
        "[1, (10, 'lstm'), 1]",
        "[1,(lstm,10),1]",
        "  [ 1 , ( lstm , 10 ) , 1 ]  "
      })
  void seedsNetIsReadInEveryNotation(String layers) {
    assertThat(RegressorSpec.parse(layers, true)).isEqualTo(SEED);
  }

  @Test
  void stacksAreReadFromTheInputUpwards() {
    assertThat(RegressorSpec.parse("[3, (lstm, 5), (4, 'lstm'), 2]", false))
        .isEqualTo(
            new RegressorSpec(3, List.of(new LstmSpec(5, false), new LstmSpec(4, false)), 2));
  }

  @ParameterizedTest
  @ValueSource(strings = {"[1, (lstm, 10), 1]", "[3, (lstm, 5), (lstm, 4), 2]"})
  void notationIsWrittenAsItIsRead(String layers) {
    assertThat(RegressorSpec.parse(layers, true).layers()).isEqualTo(layers);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "[1, (gru, 10), 1]         | form of a recurrent layer: expected one of lstm, found gru",
        "[1, (LSTM, 10), 1]        | form of a recurrent layer: expected one of lstm, found LSTM",
        "[1, 1]                    | expected [inputs, (lstm, SIZE), ..., outputs], found [1, 1]",
        "[]                        | expected [inputs, (lstm, SIZE), ..., outputs], found []",
        "``                        | expected [inputs, (lstm, SIZE), ..., outputs], found ",
        "1, (lstm, 10), 1          | expected [inputs, (lstm, SIZE), ..., outputs], found 1, (lstm,"
            + " 10), 1",
        "[1, (lstm, 10), 1         | expected [inputs, (lstm, SIZE), ..., outputs], found [1, (lstm,"
            + " 10), 1",
        "[1, 10, 1]                | recurrent layer: expected (lstm, SIZE), found 10",
        "[1, , 1]                  | recurrent layer: expected (lstm, SIZE), found nothing",
        "[1, (lstm), 1]            | recurrent layer: expected (lstm, SIZE), found (lstm)",
        "[1, (lstm, 10, relu), 1]  | recurrent layer: expected (lstm, SIZE), found (lstm, 10, relu)",
        "[1, (lstm, ten), 1]       | recurrent layer: expected (lstm, SIZE), found (lstm, ten)",
        "[1, (lstm, 1.5), 1]       | recurrent layer: expected (lstm, SIZE), found (lstm, 1.5)",
        "[1, ((lstm, 10)), 1]      | recurrent layer: expected (lstm, SIZE), found ((lstm, 10))",
        "[1, (lstm, -3), 1]        | layer size: expected a whole number of at least 1, found -3",
        "[1, (lstm, 0), 1]         | layer size: expected a whole number of at least 1, found 0",
        "[1, (lstm, 99999999999), 1] | layer size: expected a whole number of at least 1, found"
            + " 99999999999",
        "[0, (lstm, 10), 1]        | layer size: expected a whole number of at least 1, found 0",
        "[one, (lstm, 10), 1]      | layer size: expected a whole number of at least 1, found one",
        "[, (lstm, 10), 1]         | layer size: expected a whole number of at least 1, found"
            + " nothing",
        "[1, (lstm, 10), -1]       | layer size: expected a whole number of at least 1, found -1",
        "[1, (lstm, 10), 1.5]      | layer size: expected a whole number of at least 1, found 1.5",
      })
  void mistakeIsNamedWithWhatWasExpected(String layers, String message) {
    String expected = message == null ? "" : message;
    assertThatThrownBy(() -> RegressorSpec.parse(layers, true))
        .isInstanceOf(IllegalArgumentException.class)
        .satisfies(e -> assertThat(e.getMessage().strip()).isEqualTo(expected.strip()));
  }

  @Test
  void sizesBelowOneAreRefused() {
    String message = "layers: expected at least 1 input, 1 recurrent layer and 1 output, found ";
    List<CellSpec> cells = SEED.cells();
    assertThatThrownBy(() -> new RegressorSpec(0, cells, 1)).hasMessage(message + "0, 1, 1");
    assertThatThrownBy(() -> new RegressorSpec(1, List.of(), 1)).hasMessage(message + "1, 0, 1");
    assertThatThrownBy(() -> new RegressorSpec(1, cells, -2)).hasMessage(message + "1, 1, -2");
    assertThatThrownBy(() -> new LstmSpec(0, true))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("lstm size: expected at least 1, found 0");
  }
}
