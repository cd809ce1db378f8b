package dev.recall.job.store.crash;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.recall.job.store.Storage;
import dev.recall.job.store.crash.KillSwitch.Phase;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** Lets one operation of a write fail, each in turn, and looks at what others see then. */
final class FailedWrites {

  private static final byte[] OLD = "old".getBytes(StandardCharsets.UTF_8);
  private static final byte[] NEW =
      "a new one, with a second half".getBytes(StandardCharsets.UTF_8);

  private final Place place;
  private final Path folder;
  private final Storage plain;
  private final String directory;
  private final String file;

  FailedWrites(Place place, Path folder) {
    this.place = place;
    this.folder = folder;
    plain = new Storage(place.plain());
    directory = place.uri() + "/failed";
    file = directory + "/file";
  }

  /** Hadoop keeps file systems, with the settings of whoever came first, unless told otherwise. */
  private Storage with(Map<String, String> settings) {
    Map<String, String> all = place.killing(settings);
    all.put("fs.hdfs.impl.disable.cache", "true");
    all.put("fs.s3a.impl.disable.cache", "true");
    return new Storage(all);
  }

  void run() throws IOException {
    plain.makeDirectory(directory);
    plain.write(file, OLD);
    Path log = folder.resolve("write.txt");
    with(Map.of(KillSwitch.LOG, log.toString())).write(file, NEW);
    int failures = 0;
    for (KillPoint point : KillPoint.of(Files.readAllLines(log), true)) {
      if (point.phase() != Phase.MIDDLE || point.alike().contains("write")) {
        failAt(point);
        failures++;
      }
    }
    System.out.printf("%s: %d failures of a write, no part to be seen%n", place.name(), failures);
  }

  private void failAt(KillPoint point) throws IOException {
    plain.write(file, OLD);
    Storage failing =
        with(
            Map.of(
                KillSwitch.LOG,
                "write at " + point + " " + folder,
                KillSwitch.SPARE,
                "true",
                KillSwitch.OPERATION,
                String.valueOf(point.operation()),
                KillSwitch.PHASE,
                point.phase().name()));
    assertThatThrownBy(() -> failing.write(file, NEW))
        .isInstanceOf(IOException.class)
        .hasMessage(file + ": cannot be written: it was to fail here");
    boolean published = point.phase() == Phase.AFTER && isLast(point);
    assertThat(plain.read(file)).as("%s", point).isEqualTo(published ? NEW : OLD);
    assertThat(plain.list(directory)).as("%s", point).isEqualTo(List.of("file"));
    assertThat(new RunFigures(place.plain()).unfinished(directory)).as("%s", point).isEmpty();
  }

  /** By a rename, or by closing an object. */
  private static boolean isLast(KillPoint point) {
    return point.alike().contains("rename") || point.alike().equals("after close file");
  }
}
