/** Configuration: from HOCON text to immutable records, with every mistake reported at once. */
package dev.recall.job.config;
