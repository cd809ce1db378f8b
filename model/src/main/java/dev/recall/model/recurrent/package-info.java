/**
 * The gradient by back-propagation through time, fused into loops over the sequences of a batch.
 */
package dev.recall.model.recurrent;
