package dev.recall.job.spark.predict;

import dev.recall.job.config.Nearest;
import dev.recall.job.config.UserError;
import dev.recall.model.RegressorSpec;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.BiPredicate;
import org.apache.spark.ml.linalg.SQLDataTypes;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.NumericType;
import org.apache.spark.sql.types.StringType;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;

/**
 * The column that sequences are read from.
 *
 * @param name of the column
 * @param ordinal among all columns, from 0
 * @param type as it is
 * @param readAs type that it is converted to before it is read; the same when it need not be
 */
record SequenceColumn(String name, int ordinal, DataType type, DataType readAs)
    implements Serializable {

  private static final DataType FLOATS = DataTypes.createArrayType(DataTypes.FloatType);
  private static final DataType DOUBLES = DataTypes.createArrayType(DataTypes.DoubleType);

  /**
   * Finds the column and checks what it holds.
   *
   * @param schema all columns
   * @param name of the column
   * @param same whether two names are those of one column
   * @param option by which users name it, for messages
   * @param spec the network
   * @throws UserError naming the columns that there are, when it is not there or holds no sequences
   */
  static SequenceColumn find(
      StructType schema,
      String name,
      BiPredicate<String, String> same,
      String option,
      RegressorSpec spec) {
    List<String> names = Arrays.asList(schema.fieldNames());
    List<String> matching = names.stream().filter(other -> same.test(other, name)).toList();
    if (matching.size() != 1) {
      String near = Nearest.to(name, names).map(it -> "; did you mean " + it + "?").orElse("");
      throw new UserError(
          "%s %s: expected one column of that name, found %s"
              .formatted(
                  option,
                  name,
                  matching.isEmpty() ? columns(schema) + near : matching.size() + " of them"));
    }
    int ordinal = names.indexOf(matching.get(0));
    DataType type = schema.apply(ordinal).dataType();
    DataType readAs = readAs(type, spec.inputSize());
    if (readAs == null) {
      throw new UserError(
          "%s %s: expected %s, found %s; the columns are %s"
              .formatted(option, name, expected(spec), text(type), columns(schema)));
    }
    return new SequenceColumn(matching.get(0), ordinal, type, readAs);
  }

  private static String expected(RegressorSpec spec) {
    String one = "array<float> or array<double>";
    String rows = "array<array<float>> or array<array<double>>";
    String text = " or text with a JSON array";
    return spec.inputSize() == 1
        ? "one number per step as " + one + text
        : spec.inputSize() + " numbers per step as " + rows + text;
  }

  private static String columns(StructType schema) {
    List<String> columns = new ArrayList<>();
    for (StructField field : schema.fields()) {
      columns.add(field.name() + " " + text(field.dataType()));
    }
    return columns.isEmpty() ? "none" : String.join(", ", columns);
  }

  private static String text(DataType type) {
    return type.catalogString().toLowerCase(Locale.ROOT);
  }

  /** Null: not a type that holds sequences. */
  private static DataType readAs(DataType type, int inputSize) {
    if (type instanceof StringType) {
      return type;
    }
    if (type.equals(SQLDataTypes.VectorType())) {
      return inputSize == 1 ? DOUBLES : null;
    }
    if (!(type instanceof ArrayType array)) {
      return null;
    }
    if (array.elementType() instanceof ArrayType step) {
      DataType numbers = numbers(step.elementType());
      return numbers == null ? null : DataTypes.createArrayType(numbers);
    }
    return inputSize == 1 ? numbers(array.elementType()) : null;
  }

  private static DataType numbers(DataType element) {
    if (element.equals(DataTypes.FloatType)) {
      return FLOATS;
    }
    return element instanceof NumericType ? DOUBLES : null;
  }

  /** Whether it is read as it is; whether elements may be null makes no difference. */
  boolean isReadAsItIs() {
    return type.catalogString().equals(readAs.catalogString());
  }

  SequenceReader.Form form() {
    if (readAs instanceof StringType) {
      return SequenceReader.Form.TEXT;
    }
    DataType element = ((ArrayType) readAs).elementType();
    if (element instanceof ArrayType step) {
      return step.elementType().equals(DataTypes.FloatType)
          ? SequenceReader.Form.ROWS_OF_FLOATS
          : SequenceReader.Form.ROWS_OF_DOUBLES;
    }
    return element.equals(DataTypes.FloatType)
        ? SequenceReader.Form.FLOATS
        : SequenceReader.Form.DOUBLES;
  }

  /** The same sequences in another column. */
  SequenceColumn at(int other) {
    return new SequenceColumn(name, other, readAs, readAs);
  }
}
