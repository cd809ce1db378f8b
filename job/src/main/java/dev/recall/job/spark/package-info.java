/** Rounds as Spark jobs. */
package dev.recall.job.spark;
