/** Optimizers as chains of stages; their state is data. */
package dev.recall.model.optim;
