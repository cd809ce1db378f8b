/** What a round will cost: unit costs, their arithmetic, and the choice of local steps. */
package dev.recall.job.plan;
