/** The regressor: its layers, its parameters as one flat array, its gradient and its evaluation. */
package dev.recall.model;
