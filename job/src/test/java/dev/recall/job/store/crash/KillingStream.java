package dev.recall.job.store.crash;

import java.io.IOException;
import java.io.OutputStream;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.hadoop.fs.Abortable;
import org.apache.hadoop.fs.FSDataOutputStream;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.Syncable;

/** A file under a {@link KillSwitch}. */
final class KillingStream extends OutputStream implements Syncable, Abortable {

  private final KillSwitch kill;
  private final FSDataOutputStream out;
  private final Path path;
  private final boolean sendsWhenClosed;
  private final AtomicInteger closing;

  /**
   * Wraps a stream.
   *
   * @param closing receives the number of the operation that closes it, where closing is what
   *     sends; else null
   */
  private KillingStream(KillSwitch kill, FSDataOutputStream out, Path path, AtomicInteger closing) {
    this.kill = kill;
    this.out = out;
    this.path = path;
    this.sendsWhenClosed = closing != null;
    this.closing = closing;
  }

  static FSDataOutputStream around(
      KillSwitch kill, Path path, KillSwitch.Operation<FSDataOutputStream> create)
      throws IOException {
    return around(kill, path, null, create);
  }

  static FSDataOutputStream around(
      KillSwitch kill,
      Path path,
      AtomicInteger closing,
      KillSwitch.Operation<FSDataOutputStream> create)
      throws IOException {
    FSDataOutputStream out = kill.around("create", path, create);
    return new FSDataOutputStream(new KillingStream(kill, out, path, closing), null);
  }

  @Override
  public void write(int value) throws IOException {
    write(new byte[] {(byte) value}, 0, 1);
  }

  @Override
  public void write(byte[] bytes, int from, int count) throws IOException {
    int number = kill.beginDivisible("write", path);
    if (kill.strikes(number, KillSwitch.Phase.MIDDLE)) {
      out.write(bytes, from, count / 2);
      out.flush();
      if (!sendsWhenClosed) {
        out.hflush();
      }
      kill.strike(number, KillSwitch.Phase.MIDDLE);
    }
    out.write(bytes, from, count);
    kill.strike(number, KillSwitch.Phase.AFTER);
  }

  @Override
  public void hflush() throws IOException {
    kill.beAlive();
    out.hflush();
  }

  @Override
  public void hsync() throws IOException {
    kill.around(
        "hsync",
        path,
        () -> {
          out.hsync();
          return true;
        });
  }

  @Override
  public void close() throws IOException {
    if (sendsWhenClosed) {
      int number = kill.beginDivisible("close", path);
      closing.set(number);
      out.close();
      kill.strike(number, KillSwitch.Phase.AFTER);
    } else {
      kill.around(
          "close",
          path,
          () -> {
            out.close();
            return true;
          });
    }
  }

  @Override
  public AbortableResult abort() {
    return out.abort();
  }
}
