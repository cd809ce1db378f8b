/** Predictions for the rows of a DataFrame: batch scoring, and a stage of Spark ML pipelines. */
package dev.recall.job.spark.predict;
