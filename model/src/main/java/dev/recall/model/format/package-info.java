/** File formats of models. */
package dev.recall.model.format;
