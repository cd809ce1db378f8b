/** What a person sees of a run. */
package dev.recall.job.report;
