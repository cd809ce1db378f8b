package dev.recall.model.recurrent;

import dev.recall.model.GradientEngine;
import dev.recall.model.Predictor;

/** An engine for gradients and predictions alike; both share the forward pass. */
public interface FusedEngine extends GradientEngine, Predictor {}
