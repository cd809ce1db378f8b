package dev.recall.model.format;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.UTFDataFormatException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;

/**
 * A vector as {@code Nd4j.write} of version 1.0.0-beta4 and later has it: two buffers, each its
 * kind, its length, its type and its values, big-endian. The first describes the shape: rank,
 * sizes, strides, flags, the stride from element to element, the order as a character.
 */
final class Dl4jArray {

  private static final String KIND = "MIXED_DATA_TYPES";
  private static final String SHAPE_TYPE = "LONG";
  private static final String TYPE = "FLOAT";
  private static final long FLOAT_FLAG = 8192;
  private static final int MOST_SHAPE = 8; // rank 2

  private Dl4jArray() {}

  static byte[] encode(float[] values) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (DataOutputStream out = new DataOutputStream(bytes)) {
      long[] shape = {1, values.length, 1, FLOAT_FLAG, 1, 'c'};
      begin(out, shape.length, SHAPE_TYPE);
      for (long value : shape) {
        out.writeLong(value);
      }
      begin(out, values.length, TYPE);
      ByteBuffer buffer = ByteBuffer.allocate(Math.multiplyExact(4, values.length));
      buffer.asFloatBuffer().put(values);
      out.write(buffer.array());
    } catch (IOException e) {
      throw new UncheckedIOException("writing to memory", e);
    }
    return bytes.toByteArray();
  }

  private static void begin(DataOutputStream out, long length, String type) throws IOException {
    out.writeUTF(KIND);
    out.writeLong(length);
    out.writeUTF(type);
  }

  /** A vector of a known length, which is not allocated before the bytes are seen to be there. */
  static float[] decode(String name, byte[] bytes, int length) throws FormatException {
    ByteArrayInputStream left = new ByteArrayInputStream(bytes);
    try (DataInputStream in = new DataInputStream(left)) {
      checkShape(name, in, length);
      check(name + ": values", length, begin(name, in, TYPE));
      check(name + ": bytes of values", 4L * length, left.available());
      float[] values = new float[length];
      ByteBuffer.wrap(bytes, bytes.length - 4 * length, 4 * length).asFloatBuffer().get(values);
      return values;
    } catch (EOFException e) {
      throw new FormatException("an array of " + length + " floats in " + name, "its start only");
    } catch (UTFDataFormatException e) {
      throw new FormatException("the name of a type in " + name, "bytes that are no text");
    } catch (IOException e) {
      throw new UncheckedIOException("reading from memory", e);
    }
  }

  /** [length], [1, length] or [length, 1], one value behind the other. */
  private static void checkShape(String name, DataInputStream in, int length)
      throws IOException, FormatException {
    long described = begin(name, in, SHAPE_TYPE);
    if (described > MOST_SHAPE || described < 6) {
      throw new FormatException("a vector in " + name, "a description of " + described + " values");
    }
    long[] shape = new long[(int) described];
    for (int i = 0; i < shape.length; i++) {
      shape[i] = in.readLong();
    }
    long rank = shape[0];
    if (2 * rank + 4 != shape.length) {
      throw new FormatException("a vector in " + name, "rank " + rank);
    }
    long count = 1;
    for (int i = 1; i <= rank; i++) {
      long size = shape[i];
      if (size != 1 && size != length) {
        throw new FormatException(name + ": a vector of " + length + " values", "size " + size);
      }
      if (size != 1) {
        count *= size;
        check(name + ": stride", 1, shape[i + (int) rank]);
      }
    }
    check(name + ": values", length, count);
  }

  /** Reads kind, length and type; returns the length. */
  private static long begin(String name, DataInputStream in, String type)
      throws IOException, FormatException {
    String kind = in.readUTF();
    if (!kind.equals(KIND)) {
      throw new FormatException(name + " of version 1.0.0-beta4 or later, " + KIND, kind);
    }
    long length = in.readLong();
    String found = in.readUTF();
    if (!found.equals(type)) {
      throw new FormatException(name + " with values of type " + type, found);
    }
    return length;
  }

  private static void check(String what, long expected, long found) throws FormatException {
    if (expected != found) {
      throw new FormatException(what + ": " + expected, String.valueOf(found));
    }
  }
}
