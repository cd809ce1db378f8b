/** Training: rounds, the loop around them, when it ends, and what is kept. Knows no Spark. */
package dev.recall.job.train;
