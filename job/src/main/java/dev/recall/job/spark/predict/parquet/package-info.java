/** Parquet files with lists of floats, written without a call for each float. */
package dev.recall.job.spark.predict.parquet;
