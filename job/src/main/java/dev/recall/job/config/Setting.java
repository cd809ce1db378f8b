package dev.recall.job.config;

/**
 * One effective setting.
 *
 * @param key dotted path
 * @param value as HOCON text
 * @param origin file and line, or the command-line option, that set it
 */
public record Setting(String key, String value, String origin) {}
