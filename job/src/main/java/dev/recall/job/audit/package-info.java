/** Whether a run is what it says: its files agree, and its rounds come out again. */
package dev.recall.job.audit;
