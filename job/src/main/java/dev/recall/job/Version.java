package dev.recall.job;

import picocli.CommandLine.IVersionProvider;

/** Version and revision in the jar's manifest. */
final class Version implements IVersionProvider {

  @Override
  public String[] getVersion() {
    Build build = Build.current();
    String revision = build.revision().map(commit -> ", revision " + commit).orElse("");
    return new String[] {"recall " + build.version() + revision};
  }
}
