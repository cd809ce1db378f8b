package dev.recall.job.store;

import static org.assertj.core.api.Assertions.assertThat;

import dev.recall.job.RunFiles;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SegmentsTest {

  @TempDir private Path folder;

  private Segments segments() {
    return new Segments(new Storage(Map.of()), folder.toString());
  }

  private List<String> all() {
    return segments().segments().stream()
        .flatMap(segment -> segments().lines(segment).stream())
        .toList();
  }

  private List<String> upTo(List<String> lines, String last) {
    return lines.subList(0, lines.indexOf(last) + 1);
  }

  @Test
  void areReadInTheOrderOfTheirRounds() throws IOException {
    segments().write(11, 12, List.of("k", "l"));
    segments().write(1, 10, List.of("a", "b"));
    segments().write(13, 13, List.of());
    assertThat(all()).containsExactly("a", "b", "k", "l");
  }

  /** A rename that had been given up, and came to its end after all. */
  @Test
  void thatAreInAnotherDoNotCount() throws IOException {
    segments().write(1, 4, List.of("a", "b"));
    segments().write(5, 6, List.of("c"));
    segments().write(5, 8, List.of("c", "d"));
    assertThat(all()).containsExactly("a", "b", "c", "d");
    segments().cut(4, lines -> List.of());
    assertThat(RunFiles.names(folder)).containsExactly("rounds-00000001-00000004.jsonl");
  }

  @Test
  void areCutWithinAFile() throws IOException {
    segments().write(1, 4, List.of("a", "b"));
    segments().write(5, 8, List.of("c", "d"));
    segments().write(9, 9, List.of("e"));
    assertThat(segments().cut(6, lines -> upTo(lines, "c"))).isEmpty();
    assertThat(all()).containsExactly("a", "b", "c");
    assertThat(RunFiles.names(folder))
        .containsExactly("rounds-00000001-00000004.jsonl", "rounds-00000005-00000006.jsonl");
  }

  /** Rejections stand in the file of the rounds after those that they go back to. */
  @Test
  void giveBackLinesThatStayWithoutAFile() throws IOException {
    segments().write(1, 4, List.of("a"));
    segments().write(5, 8, List.of("rejection", "c"));
    assertThat(segments().cut(4, lines -> upTo(lines, "rejection"))).containsExactly("rejection");
    assertThat(all()).containsExactly("a");
  }
}
