/** The job: one command class per verb of the command line. */
package dev.recall.job;
