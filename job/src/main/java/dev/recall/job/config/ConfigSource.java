package dev.recall.job.config;

/**
 * Text of one configuration file.
 *
 * @param name where it came from, for messages
 * @param text HOCON, JSON or properties
 */
public record ConfigSource(String name, String text) {}
