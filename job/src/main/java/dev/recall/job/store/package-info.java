/** Files of a run on any Hadoop file system. */
package dev.recall.job.store;
