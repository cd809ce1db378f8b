package dev.recall.job;

import java.util.Optional;

record Build(String version, Optional<String> revision, Optional<String> jarSha256) {
  static Build current() {
    return new Build("0", Optional.empty(), Optional.empty());
  }
}
