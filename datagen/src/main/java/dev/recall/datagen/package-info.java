/**
 * Tasks for sequence regression and the random numbers behind them.
 *
 * <p>Every batch is a pure function of its {@link dev.recall.datagen.BatchKey}: no generator state
 * travels between batches, and the bits are the same on every JVM and CPU. Arrays are time-major,
 * {@code [T, B, size]}.
 */
package dev.recall.datagen;
