package dev.recall.model.format;

import dev.recall.model.CellSpec;
import dev.recall.model.LstmSpec;
import dev.recall.model.RegressorSpec;
import java.util.StringJoiner;

/** The JSON of Deeplearning4j's MultiLayerConfiguration, as its version 1.0.0-M2.1 writes it. */
final class Dl4jConfiguration {

  private static final String NETWORK =
      """
      {
        "backpropType" : "Standard",
        "cacheMode" : "NONE",
        "confs" : [ %s ],
        "dataType" : "FLOAT",
        "epochCount" : 0,
        "inferenceWorkspaceMode" : "ENABLED",
        "inputPreProcessors" : { },
        "iterationCount" : 0,
        "tbpttBackLength" : 20,
        "tbpttFwdLength" : 20,
        "trainingWorkspaceMode" : "ENABLED",
        "validateOutputLayerConfig" : true
      }""";

  private static final String CONF =
      """
      {
          "cacheMode" : "NONE",
          "dataType" : "FLOAT",
          "epochCount" : 0,
          "iterationCount" : 0,
          "layer" : {%s
          },
          "maxNumLineSearchIterations" : 5,
          "miniBatch" : true,
          "minimize" : true,
          "optimizationAlgo" : "STOCHASTIC_GRADIENT_DESCENT",
          "seed" : 0,
          "stepFunction" : null,
          "variables" : [ %s ]
        }""";

  /** Class, sizes, updater, name. */
  private static final String LSTM =
      """

            "@class" : "org.deeplearning4j.nn.conf.layers.%s",
            "activationFn" : {
              "@class" : "org.nd4j.linalg.activations.impl.ActivationTanH"
            },
            "biasInit" : 0.0,
            "biasUpdater" : null,
            "constraints" : null,
            "forgetGateBiasInit" : 1.0,
            "gainInit" : 1.0,
            "gateActivationFn" : {
              "@class" : "org.nd4j.linalg.activations.impl.ActivationSigmoid"
            },
            "gradientNormalization" : "None",
            "gradientNormalizationThreshold" : 1.0,
            "helperAllowFallback" : true,
            "idropout" : null,
            "iupdater" : {%s
            },
            "layerName" : "layer%d",
            "nin" : %d,
            "nout" : %d,
            "regularization" : [ ],
            "regularizationBias" : [ ],
            "rnnDataFormat" : "NCW",
            "timeDistributedFormat" : null,
            "weightInitFn" : {
              "@class" : "org.deeplearning4j.nn.weights.WeightInitXavier"
            },
            "weightInitFnRecurrent" : null,
            "weightNoise" : null""";

  private static final String OUTPUT =
      """

            "@class" : "org.deeplearning4j.nn.conf.layers.RnnOutputLayer",
            "activationFn" : {
              "@class" : "org.nd4j.linalg.activations.impl.ActivationIdentity"
            },
            "biasInit" : 0.0,
            "biasUpdater" : null,
            "constraints" : null,
            "gainInit" : 1.0,
            "gradientNormalization" : "None",
            "gradientNormalizationThreshold" : 1.0,
            "hasBias" : true,
            "idropout" : null,
            "iupdater" : {%s
            },
            "layerName" : "layer%d",
            "lossFn" : {
              "@class" : "org.nd4j.linalg.lossfunctions.impl.LossMSE"
            },
            "nin" : %d,
            "nout" : %d,
            "regularization" : [ ],
            "regularizationBias" : [ ],
            "rnnDataFormat" : "NCW",
            "timeDistributedFormat" : null,
            "weightInitFn" : {
              "@class" : "org.deeplearning4j.nn.weights.WeightInitXavier"
            },
            "weightNoise" : null""";

  private static final String NO_OP =
      """

              "@class" : "org.nd4j.linalg.learning.config.NoOp\"""";

  private static final String RMS_PROP =
      """

              "@class" : "org.nd4j.linalg.learning.config.RmsProp",
              "epsilon" : %s,
              "learningRate" : %s,
              "rmsDecay" : %s""";

  private Dl4jConfiguration() {}

  static String of(Dl4jNetwork network) {
    RegressorSpec spec = network.spec();
    String updater =
        network
            .rmsProp()
            .map(rms -> RMS_PROP.formatted(rms.epsilon(), rms.learningRate(), rms.decay()))
            .orElse(NO_OP);
    StringJoiner confs = new StringJoiner(", ");
    int inputs = spec.inputSize();
    int index = 0;
    for (CellSpec cell : spec.cells()) {
      String layer = LSTM.formatted(name(cell), updater, index++, inputs, cell.size());
      confs.add(CONF.formatted(layer, "\"W\", \"RW\", \"b\""));
      inputs = cell.size();
    }
    String output = OUTPUT.formatted(updater, index, inputs, spec.outputSize());
    confs.add(CONF.formatted(output, "\"W\", \"b\""));
    return NETWORK.formatted(confs);
  }

  private static String name(CellSpec cell) {
    if (cell instanceof LstmSpec lstm) {
      return lstm.peepholes() ? "GravesLSTM" : "LSTM";
    }
    throw new IllegalArgumentException("no layer of Deeplearning4j for cell " + cell);
  }
}
