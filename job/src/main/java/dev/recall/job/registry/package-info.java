/** Versions of a model, which of them is in service, and who may change that. */
package dev.recall.job.registry;
