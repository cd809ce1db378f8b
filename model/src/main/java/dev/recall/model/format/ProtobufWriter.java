package dev.recall.model.format;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;

/**
 * Writes a message in the wire format of Protocol Buffers: the two wire types that ONNX's messages
 * need, varints and bytes with their length in front. Fields stand in the order of the calls, so
 * the same calls give the same bytes.
 */
final class ProtobufWriter {

  private static final int VARINT = 0;
  private static final int LENGTH_DELIMITED = 2;
  private static final int PAYLOAD_BITS = 7; // of each byte of a varint; the eighth: more follow
  private static final int PAYLOAD = 0x7f;
  private static final int MORE = 0x80;

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();

  /** Writes an integer or an enum, at least 0. */
  ProtobufWriter number(int field, long value) {
    varint((long) field << 3 | VARINT);
    varint(value);
    return this;
  }

  /** Writes text as UTF-8. */
  ProtobufWriter text(int field, String text) {
    return bytes(field, text.getBytes(StandardCharsets.UTF_8));
  }

  /** Writes a message inside this one. */
  ProtobufWriter message(int field, ProtobufWriter message) {
    return bytes(field, message.toByteArray());
  }

  /** Writes bytes. */
  ProtobufWriter bytes(int field, byte[] bytes) {
    varint((long) field << 3 | LENGTH_DELIMITED);
    varint(bytes.length);
    out.writeBytes(bytes);
    return this;
  }

  /** Returns the message without a length in front. */
  byte[] toByteArray() {
    return out.toByteArray();
  }

  private void varint(long value) {
    long rest = value;
    while ((rest & ~PAYLOAD) != 0) {
      out.write((int) (rest & PAYLOAD) | MORE);
      rest >>>= PAYLOAD_BITS;
    }
    out.write((int) rest);
  }
}
