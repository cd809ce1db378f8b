package dev.recall.job.spark.predict;

import java.util.ArrayList;
import java.util.List;
import org.apache.spark.TaskContext;
import org.apache.spark.rdd.InputFileBlockHolder;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.unsafe.types.UTF8String;

/**
 * Says which row it is: its file and number where rows come from files, and what its other columns
 * hold.
 */
final class Place {

  private static final int MOST_COLUMNS = 5;
  private static final int SHOWN = 40;

  private final String[] names; // columns with a short text
  private final DataType[] types;
  private final int[] ordinals;
  private final String column; // of the sequences

  private UTF8String file;
  private long offset;
  private long next;

  Place(StructType schema, String column) {
    List<Integer> shown = new ArrayList<>();
    for (int i = 0; i < schema.size() && shown.size() < MOST_COLUMNS; i++) {
      if (isShort(schema.apply(i).dataType()) && !schema.apply(i).name().equals(column)) {
        shown.add(i);
      }
    }
    this.column = column;
    this.ordinals = shown.stream().mapToInt(i -> i).toArray();
    this.names = shown.stream().map(i -> schema.apply(i).name()).toArray(String[]::new);
    this.types = shown.stream().map(i -> schema.apply(i).dataType()).toArray(DataType[]::new);
  }

  private static boolean isShort(DataType type) {
    return List.of(
            DataTypes.StringType,
            DataTypes.LongType,
            DataTypes.IntegerType,
            DataTypes.ShortType,
            DataTypes.ByteType,
            DataTypes.BooleanType)
        .contains(type);
  }

  /**
   * Where a row stands.
   *
   * @param file that it is in, or null
   * @param offset of the part of the file that a task reads
   * @param number of the row in the part, from 0
   */
  record Position(UTF8String file, long offset, long number) {

    private String text() {
      String at = "row " + number + " (from 0)";
      if (file == null || file.numBytes() == 0) {
        return at + " of partition " + TaskContext.getPartitionId();
      }
      return file + ": " + at + (offset > 0 ? " behind byte " + offset : "");
    }
  }

  /** Counts a row, which has just been taken from a task's input; returns where it stands. */
  Position count() {
    UTF8String now = InputFileBlockHolder.getInputFilePath();
    long block = InputFileBlockHolder.getStartOffset();
    if (now != file && !now.equals(file) || block != offset) {
      file = now;
      offset = block;
      next = 0;
    }
    return new Position(file, offset, next++);
  }

  /** Makes the message about a row. */
  BadSequence bad(InternalRow row, Position position, String what) {
    return new BadSequence(
        "%s%s, column %s: %s".formatted(position.text(), others(row), column, what));
  }

  private String others(InternalRow row) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < ordinals.length; i++) {
      String value = String.valueOf(row.get(ordinals[i], types[i]));
      String shown = value.length() <= SHOWN ? value : value.substring(0, SHOWN) + "...";
      text.append(i == 0 ? " with " : ", ").append(names[i]).append('=').append(shown);
    }
    return text.toString();
  }
}
