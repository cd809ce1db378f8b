/**
 * Training by Deeplearning4j Spark, to hold this project's rounds against. Needs the jar of profile
 * dl4j on the class paths of driver and executors.
 */
package dev.recall.job.dl4j;
