/**
 * The regressor as a network of Deeplearning4j: an engine, its data and its parameters.
 *
 * <p>Needs Deeplearning4j's and ND4J's jars, and the natives of Linux on x86-64, which the submit
 * jar does not have.
 */
package dev.recall.model.dl4j;
