package dev.recall.job.store.crash;

import java.util.Map;

/**
 * Where runs lie.
 *
 * @param name for the line that says what was done
 * @param uri a folder that is there, without a slash at its end
 * @param plain Hadoop settings by which it is reached
 * @param killing Hadoop settings on top, by which it is reached under a {@link KillSwitch}
 */
record Place(String name, String uri, Map<String, String> plain, Map<String, String> killing) {}
