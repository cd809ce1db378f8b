package dev.recall.model.recurrent;

import dev.recall.model.GradientEngine;
import dev.recall.model.GradientEngineContract;
import dev.recall.model.Predictor;
import dev.recall.model.RegressorSpec;

class PlainEngineTest implements GradientEngineContract {

  @Override
  public GradientEngine engine(RegressorSpec spec) {
    return new PlainEngine(spec);
  }

  @Override
  public Predictor predictor(RegressorSpec spec) {
    return new PlainEngine(spec);
  }
}
