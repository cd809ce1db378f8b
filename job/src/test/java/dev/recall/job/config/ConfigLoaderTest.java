package dev.recall.job.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.recall.datagen.AddingTask;
import dev.recall.datagen.MemoryTask;
import dev.recall.datagen.Targets;
import dev.recall.model.ChronoInitializer;
import dev.recall.model.GlorotInitializer;
import dev.recall.model.TheanetsInitializer;
import dev.recall.model.optim.ClipByElement;
import dev.recall.model.optim.ClipByNorm;
import dev.recall.model.optim.GradientTransform;
import dev.recall.model.optim.LearningRate;
import dev.recall.model.optim.Momentum;
import dev.recall.model.optim.NesterovMomentum;
import dev.recall.model.optim.Optimizer;
import dev.recall.model.optim.ScaleByLearningRate;
import dev.recall.model.optim.ScaleByRms;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class ConfigLoaderTest {

  private static final String DEFAULTS =
      """
      checkpoint.background = false
      checkpoint.every-rounds = 10
      checkpoint.keep = 2
      checkpoint.keep-every-rounds = 10
      checkpoint.on-failure = "stop"
      evaluation.batches = 64
      model.chrono-steps = 20
      model.forget-bias = 1
      model.initializer = "glorot"
      model.layers = [1, (lstm, 10), 1]
      model.peepholes = true
      model.recurrent-gain = 0.5
      report.every-rounds = 5
      retrain.batches = 128
      retrain.confidence = 0.99
      retrain.lease-seconds = 60
      retrain.min-improvement = 0.01
      retrain.start = "champion"
      seed = 13
      spark.merge = "auto"
      spark.min-executors = 0
      spark.tasks = 0
      stop.min-improvement = 0
      stop.patience = 0
      stop.rounds = 80
      stop.seconds = 0
      stop.target-loss = 0
      stop.target-recall-mse = 0
      task.batch-size = 32
      task.features = 1
      task.kind = "memory"
      task.remember = 3
      task.steps = 20
      task.targets = "all"
      training.engine = "fused"
      training.local-optimizer.algorithm = "rmsprop"
      training.local-optimizer.clip-element = 0
      training.local-optimizer.clip-norm = 1
      training.local-optimizer.clip-norm-of = "block"
      training.local-optimizer.decay = "cosine"
      training.local-optimizer.decay-rounds = 80
      training.local-optimizer.epsilon = 1.0E-8
      training.local-optimizer.final-factor = 0.01
      training.local-optimizer.half-life = 14
      training.local-optimizer.learning-rate = 0.002
      training.local-optimizer.momentum = 0.9
      training.local-optimizer.nesterov = false
      training.local-optimizer.nesterov-form = "downhill"
      training.local-optimizer.rms-decay = 0.99
      training.local-optimizer.step-factor = 0.5
      training.local-optimizer.step-rounds = 100
      training.local-optimizer.warm-up-rounds = 8
      training.local-steps = 640
      training.not-finite.back-rounds = 10
      training.not-finite.limit = 3
      training.not-finite.policy = "halve"
      training.optimizer.algorithm = "rmsprop"
      training.optimizer.clip-element = 0
      training.optimizer.clip-norm = 0
      training.optimizer.clip-norm-of = "block"
      training.optimizer.decay = "constant"
      training.optimizer.decay-rounds = 80
      training.optimizer.epsilon = 0.09
      training.optimizer.final-factor = 0.01
      training.optimizer.half-life = 14
      training.optimizer.learning-rate = 0.3
      training.optimizer.momentum = 0
      training.optimizer.nesterov = false
      training.optimizer.nesterov-form = "downhill"
      training.optimizer.rms-decay = 0.99
      training.optimizer.step-factor = 0.5
      training.optimizer.step-rounds = 100
      training.optimizer.warm-up-rounds = 0
      training.shards = 4
      validation.batches = 16
      validation.every-rounds = 5
      validation.fresh = false
      wait.cluster-seconds = 900
      wait.executors-seconds = 600
      wait.round-seconds = 1800
      wait.storage-seconds = 120
      """;

  private static RunConfig set(String... assignments) throws InvalidConfig {
    return ConfigLoader.load(List.of(), List.of(assignments));
  }

  private static RunConfig file(String text) throws InvalidConfig {
    return ConfigLoader.load(List.of(new ConfigSource("my.conf", text)), List.of());
  }

  private static List<String> problemsOf(String text, String... assignments) {
    InvalidConfig invalid =
        catchThrowableOfType(
            InvalidConfig.class,
            () ->
                ConfigLoader.load(
                    List.of(new ConfigSource("my.conf", text)), List.of(assignments)));
    assertThat(invalid).as("mistakes in " + text).isNotNull();
    return invalid.getMessage().lines().toList();
  }

  private static Map<String, Setting> byKey(RunConfig config) {
    Map<String, Setting> settings = new TreeMap<>();
    config.settings().forEach(setting -> settings.put(setting.key(), setting));
    return settings;
  }

  /** The same configuration, wherever its values came from. */
  private static RunConfig withoutOrigins(RunConfig config) {
    return new RunConfig(
        config.seed(),
        config.task(),
        config.model(),
        config.initializer(),
        config.training(),
        config.validation(),
        config.stop(),
        config.checkpoint(),
        config.waits(),
        config.retrain(),
        config.evaluationBatches(),
        config.reportEveryRounds(),
        config.spark(),
        List.of());
  }

  private static String nameOf(Enum<?> constant) {
    return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  @Nested
  class Defaults {

    @Test
    void areTheseAndNoOthers() throws InvalidConfig {
      assertThat(set().text()).isEqualTo(DEFAULTS);
    }

    @Test
    void becomeTheseValues() throws InvalidConfig {
      RunConfig config = set();
      assertThat(config.task()).isEqualTo(new MemoryTask(20, 3, 1, 32, Targets.ALL));
      assertThat(config.model().layers()).isEqualTo("[1, (lstm, 10), 1]");
      assertThat(config.initializer()).isEqualTo(new GlorotInitializer(1, 0.5));
      assertThat(config.training().optimizer())
          .isEqualTo(
              new Optimizer(
                  List.of(
                      ScaleByRms.theanets(14, 0.09),
                      new ScaleByLearningRate(LearningRate.constant(0.3)))));
      assertThat(config.training().localOptimizer())
          .isEqualTo(
              new Optimizer(
                  List.of(
                      new ClipByNorm(1, true),
                      ScaleByRms.theanets(14, 1e-8),
                      new ScaleByLearningRate(
                          new LearningRate(0.002, 8, new LearningRate.Cosine(80, 0.01))),
                      new Momentum(0.9, false))));
    }

    @Test
    void standInForLocalStepsThatAreStillToBeChosen() throws InvalidConfig {
      TrainingConfig training = set("training.local-steps=auto").training();
      assertThat(training.autoLocalSteps()).isTrue();
      assertThat(training.localSteps()).isEqualTo(set().training().localSteps());
      assertThat(set().training().autoLocalSteps()).isFalse();
    }

    /** The second optimizer block has the keys of the first, which explains them. */
    @Test
    void areEachExplainedInReferenceConf() throws IOException {
      List<String> unexplained = new ArrayList<>();
      List<String> lines = reference().lines().map(String::strip).toList();
      boolean secondOptimizer = false;
      for (int i = 0; i < lines.size(); i++) {
        String line = lines.get(i);
        secondOptimizer =
            line.startsWith("local-optimizer {") || (secondOptimizer && !line.equals("}"));
        boolean setting = line.contains(" = ") && !line.startsWith("#");
        if (setting && !secondOptimizer && !lines.get(i - 1).startsWith("#")) {
          unexplained.add(line);
        }
      }
      assertThat(unexplained).isEmpty();
    }

    @Test
    void ofBothOptimizersHaveTheSameKeys() throws InvalidConfig {
      assertThat(keysBelow("training.optimizer.", set()))
          .isEqualTo(keysBelow("training.local-optimizer.", set()))
          .hasSize(17);
    }

    private List<String> keysBelow(String prefix, RunConfig config) {
      return byKey(config).keySet().stream()
          .filter(key -> key.startsWith(prefix))
          .map(key -> key.substring(prefix.length()))
          .toList();
    }

    private String reference() throws IOException {
      try (InputStream in = ConfigLoader.class.getResourceAsStream("reference.conf")) {
        return new String(in.readAllBytes(), StandardCharsets.UTF_8);
      }
    }
  }

  @Nested
  class Layers {

    @Test
    void laterFilesWinOverEarlierOnesAndOptionsOverFiles() throws InvalidConfig {
      ConfigSource first =
          new ConfigSource("first.conf", "seed = 1\ntask.steps = 21\ntraining.shards = 31\n");
      ConfigSource second =
          new ConfigSource("second.conf", "\ntask { steps = 22 }\ntraining.shards=32");
      RunConfig config =
          ConfigLoader.load(
              List.of(first, second), List.of("training.shards=33", "training.shards=34"));

      Map<String, Setting> settings = byKey(config);
      assertThat(settings.get("task.batch-size"))
          .isEqualTo(new Setting("task.batch-size", "32", "reference.conf:18"));
      assertThat(settings.get("seed")).isEqualTo(new Setting("seed", "1", "first.conf:1"));
      assertThat(settings.get("task.steps"))
          .isEqualTo(new Setting("task.steps", "22", "second.conf:2"));
      assertThat(settings.get("training.shards"))
          .isEqualTo(new Setting("training.shards", "34", "--set training.shards=34"));
      assertThat(config.training().shards()).isEqualTo(34);
      assertThat(config.task().steps()).isEqualTo(22);
    }

    @ParameterizedTest
    @ValueSource(
        strings = {
          "model.layers=[1, (lstm, 10), (lstm, 5), 1]",
          "model.layers=[1,(lstm,10),(lstm,5),1]",
          "model.layers = [1, ('lstm', 10), (5, 'lstm'), 1]",
          "model.layers=\"[1, (lstm, 10), (lstm, 5), 1]\""
        })
    void layersNeedNoQuotesInAnOption(String assignment) throws InvalidConfig {
      assertThat(set(assignment).model().layers()).isEqualTo("[1, (lstm, 10), (lstm, 5), 1]");
    }

    @Test
    void schedulesFollowTheRoundsOfTheRun() throws InvalidConfig {
      Map<String, Setting> settings = byKey(set("stop.rounds=77"));
      assertThat(settings.get("training.optimizer.decay-rounds").value()).isEqualTo("77");
      assertThat(settings.get("training.local-optimizer.decay-rounds").value()).isEqualTo("77");
    }

    @Test
    void schedulesCanBePinned() throws InvalidConfig {
      RunConfig config =
          set(
              "stop.rounds=77",
              "training.local-optimizer.decay-rounds=5",
              "training.optimizer.decay=cosine");
      assertThat(config.training().localOptimizer().stages())
          .contains(
              new ScaleByLearningRate(
                  new LearningRate(0.002, 8, new LearningRate.Cosine(5, 0.01))));
      assertThat(config.training().optimizer().stages())
          .contains(
              new ScaleByLearningRate(new LearningRate(0.3, 0, new LearningRate.Cosine(77, 0.01))));
    }

    @Test
    void chronoFollowsTheStepsOfTheTask() throws InvalidConfig {
      assertThat(set("model.initializer=chrono", "task.steps=55").initializer())
          .isEqualTo(new ChronoInitializer(55, 0.5));
      assertThat(set("task.steps=3").initializer()).isEqualTo(new GlorotInitializer(1, 0.5));
    }

    @Test
    void optionsMayReferToOtherSettings() throws InvalidConfig {
      assertThat(set("stop.rounds=77", "checkpoint.every-rounds=${stop.rounds}").checkpoint())
          .isEqualTo(new CheckpointConfig(77, 2, 77, CheckpointConfig.OnFailure.STOP, false));
      assertThat(file("task.steps = ${task.remember}").task().steps()).isEqualTo(3);
    }

    @Test
    void effectiveTextReadsBackToTheSameConfiguration() throws InvalidConfig {
      for (String[] assignments :
          new String[][] {
            {},
            {"seed=-9223372036854775808", "stop.seconds=1.5", "training.optimizer.epsilon=1e-30"},
            {
              "task.kind=adding",
              "model.layers=[2, (lstm, 3), (4, lstm), 1]",
              "model.peepholes=false"
            },
            {"stop.patience=3", "training.optimizer.decay=step", "model.initializer=theanets"}
          }) {
        RunConfig config = set(assignments);
        RunConfig again = file(config.text());
        assertThat(again.text()).isEqualTo(config.text());
        assertThat(withoutOrigins(again)).isEqualTo(withoutOrigins(config));
      }
    }
  }

  @Nested
  class Names {

    @ParameterizedTest
    @EnumSource(TaskKind.class)
    void ofTasksBuildThem(TaskKind kind) throws InvalidConfig {
      RunConfig config =
          kind == TaskKind.MEMORY
              ? set("task.kind=memory")
              : set("task.kind=" + nameOf(kind), "model.layers=[2, (lstm, 10), 1]");
      assertThat(config.task())
          .isEqualTo(
              switch (kind) {
                case MEMORY -> new MemoryTask(20, 3, 1, 32, Targets.ALL);
                case ADDING -> new AddingTask(20, 32);
              });
    }

    @ParameterizedTest
    @EnumSource(Targets.class)
    void ofTargetsBuildThem(Targets targets) throws InvalidConfig {
      assertThat(set("task.targets=" + nameOf(targets)).task())
          .isEqualTo(new MemoryTask(20, 3, 1, 32, targets));
    }

    @ParameterizedTest
    @EnumSource(InitializerKind.class)
    void ofInitializersBuildThem(InitializerKind kind) throws InvalidConfig {
      assertThat(
              set(
                      "model.initializer=" + nameOf(kind),
                      "model.forget-bias=-2",
                      "model.recurrent-gain=3",
                      "model.chrono-steps=70")
                  .initializer())
          .isEqualTo(
              switch (kind) {
                case GLOROT -> new GlorotInitializer(-2, 3);
                case CHRONO -> new ChronoInitializer(70, 3);
                case THEANETS -> new TheanetsInitializer();
              });
    }

    @ParameterizedTest
    @EnumSource(Algorithm.class)
    void ofAlgorithmsBuildThem(Algorithm algorithm) throws InvalidConfig {
      List<GradientTransform> stages =
          new ArrayList<>(
              switch (algorithm) {
                case RMSPROP -> List.of(ScaleByRms.theanets(7, 1e-4));
                case RMSPROP_PLAIN -> List.of(new ScaleByRms(0.9, 1e-4, false, false));
                case SGD -> List.of();
              });
      stages.add(new ScaleByLearningRate(LearningRate.constant(0.25)));
      assertThat(
              set(
                      "training.optimizer.algorithm=" + nameOf(algorithm),
                      "training.optimizer.decay=constant",
                      "training.optimizer.half-life=7",
                      "training.optimizer.rms-decay=0.9",
                      "training.optimizer.epsilon=1e-4",
                      "training.optimizer.learning-rate=0.25",
                      "training.optimizer.momentum=0")
                  .training()
                  .optimizer())
          .isEqualTo(new Optimizer(stages));
    }

    @ParameterizedTest
    @EnumSource(NesterovForm.class)
    void ofNesterovsFormsBuildThem(NesterovForm form) throws InvalidConfig {
      GradientTransform stage =
          switch (form) {
            case DOWNHILL -> new Momentum(0.7, true);
            case PYTORCH -> new NesterovMomentum(0.7);
          };
      String[] settings = {
        "training.optimizer.nesterov-form=" + nameOf(form), "training.optimizer.momentum=0.7"
      };
      assertThat(set(settings[0], settings[1]).training().optimizer().stages())
          .doesNotContain(stage)
          .contains(new Momentum(0.7, false));
      assertThat(
              set(settings[0], settings[1], "training.optimizer.nesterov=true")
                  .training()
                  .optimizer()
                  .stages())
          .contains(stage);
    }

    @ParameterizedTest
    @EnumSource(DecayKind.class)
    void ofDecaysBuildThem(DecayKind kind) throws InvalidConfig {
      assertThat(
              set(
                      "training.optimizer.decay=" + nameOf(kind),
                      "training.optimizer.decay-rounds=9",
                      "training.optimizer.final-factor=0.125",
                      "training.optimizer.step-rounds=4",
                      "training.optimizer.step-factor=0.75",
                      "training.optimizer.warm-up-rounds=2.5")
                  .training()
                  .optimizer()
                  .stages())
          .contains(
              new ScaleByLearningRate(
                  new LearningRate(
                      0.3,
                      2.5,
                      switch (kind) {
                        case CONSTANT -> new LearningRate.Constant();
                        case COSINE -> new LearningRate.Cosine(9, 0.125);
                        case STEP -> new LearningRate.Step(4, 0.75);
                      })));
    }

    @ParameterizedTest
    @EnumSource(ClipScope.class)
    void ofClipScopesBuildThem(ClipScope scope) throws InvalidConfig {
      assertThat(
              set(
                      "training.optimizer.clip-norm=2",
                      "training.optimizer.clip-element=0.5",
                      "training.optimizer.momentum=0.9",
                      "training.optimizer.nesterov=true",
                      "training.optimizer.clip-norm-of=" + nameOf(scope))
                  .training()
                  .optimizer()
                  .stages())
          .contains(
              new ClipByElement(0.5),
              new ClipByNorm(2, scope == ClipScope.BLOCK),
              new Momentum(0.9, true));
    }
  }

  @Nested
  class Mistakes {

    @Test
    void areAllReportedAtOnceWithPlaceKeyExpectedAndFound() {
      assertThat(
              problemsOf(
                  """
                  sed = 4
                  task {
                    steps = twenty
                    targets = some
                  }
                  training {
                    shards = 0
                    optimizer.learning-rate = -0.1
                    optimiser.epsilon = 0
                  }
                  stop = 5
                  seed = null
                  """,
                  "validation.fresh=yes",
                  "training.local-optimizer.momentum=1",
                  "training.local-steps=2.5"))
          .containsExactlyInAnyOrder(
              "my.conf:1: unknown key sed; the nearest is seed",
              "my.conf:3: task.steps: expected a whole number, found \"twenty\"",
              "my.conf:4: task.targets: expected one of all, recall, found \"some\"",
              "my.conf:7: training.shards: expected a whole number from 1 to 1000000, found 0",
              "my.conf:8: training.optimizer.learning-rate: expected a number of at least 0,"
                  + " found -0.1",
              "my.conf:9: unknown key training.optimiser.epsilon; the nearest is"
                  + " training.optimizer.epsilon",
              "my.conf:11: stop: expected a section { ... }, found a value",
              "my.conf:12: seed: expected a value, found null",
              "--set validation.fresh=yes: validation.fresh: expected true or false, found \"yes\"",
              "--set training.local-optimizer.momentum=1: training.local-optimizer.momentum:"
                  + " expected a number in [0, 1), found 1",
              "--set training.local-steps=2.5: training.local-steps: expected a whole number"
                  + " from 1 to 2147483647 or auto, found 2.5");
    }

    @ParameterizedTest
    @CsvSource(
        delimiter = '|',
        textBlock =
            """
            task.remember = 21 | my.conf:1: task.remember: expected in [1, 20], found 21
            task.kind = copy | my.conf:1: task.kind: expected one of memory, adding, found "copy"
            model.initializer = zeros | my.conf:1: model.initializer: expected one of glorot, chrono, theanets, found "zeros"
            model { initializer = chrono, chrono-steps = 1 } | my.conf:1: model.chrono-steps: expected at least 2, found 1
            training.optimizer.nesterov-form = keras | my.conf:1: training.optimizer.nesterov-form: expected one of downhill, pytorch, found "keras"
            training.optimizer.algorithm = adam | my.conf:1: training.optimizer.algorithm: expected one of rmsprop, rmsprop-plain, sgd, found "adam"
            training.optimizer.decay = linear | my.conf:1: training.optimizer.decay: expected one of constant, cosine, step, found "linear"
            training.optimizer.clip-norm-of = row | my.conf:1: training.optimizer.clip-norm-of: expected one of block, all, found "row"
            training.optimizer.epsilon = 0 | my.conf:1: training.optimizer.epsilon: expected a number above 1.1754943508222875E-38, found 0
            training.optimizer.learning-rate = NaN | my.conf:1: training.optimizer.learning-rate: expected a number of at least 0, found "NaN"
            training.optimizer.clip-norm = Infinity | my.conf:1: training.optimizer.clip-norm: expected a number of at least 0, found "Infinity"
            training.optimizer.clip-norm = -Infinity | my.conf:1: training.optimizer.clip-norm: expected a number of at least 0, found "-Infinity"
            training.optimizer.learning-rate = 1e400 | my.conf:1: training.optimizer.learning-rate: expected a number of at least 0, found Infinity
            training.optimizer.learning-rate = 3f | my.conf:1: training.optimizer.learning-rate: expected a number of at least 0, found "3f"
            training.optimizer.learning-rate = 0x1p3 | my.conf:1: training.optimizer.learning-rate: expected a number of at least 0, found "0x1p3"
            training.optimizer.final-factor = 1.5 | my.conf:1: training.optimizer.final-factor: expected a number in [0, 1], found 1.5
            training.shards = 3000000000 | my.conf:1: training.shards: expected a whole number from 1 to 1000000, found 3000000000
            stop.rounds = 300000000 | my.conf:1: stop.rounds: expected a whole number from 1 to 268435456, found 300000000
            stop.rounds = many | my.conf:1: stop.rounds: expected a whole number, found "many"
            task.batch-size = 2000000000 | my.conf:1: task.batch-size: inputs [T=20, B=2000000000, size=1]: expected at most 2147483639 elements, found 40000000000
            training.optimizer.half-life = 1e30 | my.conf:1: training.optimizer.half-life: decay: expected a number in [0, 1), found 1.0
            model.layers = [1, (lstm, 100000), 1] | my.conf:1: model.layers: parameters: expected at most 2147483647, found more at hid1.hh
            foo.bar = 1 | my.conf:1: unknown key foo.bar; recall config lists all keys
            seed = 9223372036854775808 | my.conf:1: seed: expected a whole number, found "9223372036854775808"
            seed = [1, 2] | my.conf:1: seed: expected a whole number, found [1,2]
            model.layers = 7 | my.conf:1: model.layers: expected [inputs, (lstm, SIZE), ..., outputs], found 7
            model.layers = [2, (lstm, 10), 1] | my.conf:1: model.layers: expected 1 inputs and 1 outputs for the task, found [2, (lstm, 10), 1]
            model.layers = [1, (gru, 10), 1] | my.conf:1: model.layers: form of a recurrent layer: expected one of lstm, found gru
            stop.patience = 1, validation.every-rounds = 0 | my.conf:1: validation.every-rounds: expected at least 1 for a target or patience (stop.*), found 0
            include "other.conf" | my.conf:1: include other.conf: not supported; give --config once per file
            """)
    void saysWhatWasExpectedAndFound(String text, String problem) {
      assertThat(problemsOf(text)).containsExactly(problem);
    }

    /** Found by fuzzing. */
    @Test
    void ofASectionThatWasAValueNameTheSection() {
      assertThat(problemsOf("seed = 1\ntask = 100\ntask.steps = 5"))
          .singleElement()
          .asString()
          .matches(
              "my\\.conf:[23](-3)?: task: expected a section \\{ ... \\}, found a value before");
      assertThat(problemsOf("training = 1", "training.optimizer.epsilon=1"))
          .anySatisfy(problem -> assertThat(problem).contains(": training: expected a section"));
      assertThat(problemsOf("task = ${seed}\ntask.steps = 5")).isNotEmpty();
    }

    @Test
    void inSyntaxHaveTheirLine() {
      assertThat(problemsOf("seed = 1\n\ntask { steps = 5\n"))
          .singleElement()
          .asString()
          .startsWith("my.conf:4: ");
      assertThat(problemsOf("seed = 1\ntask = }\n"))
          .singleElement()
          .asString()
          .startsWith("my.conf:2: ");
    }

    @Test
    void inOptionsNameTheOption() {
      assertThat(problemsOf("", "seed")).containsExactly("--set seed: expected key=value");
      assertThat(problemsOf("", "=5")).containsExactly("--set =5: expected key=value");
      assertThat(problemsOf("", "seed="))
          .containsExactly("--set seed=: seed: expected a whole number, found \"\"");
      assertThat(problemsOf("", "lerning-rate=3"))
          .containsExactly(
              "--set lerning-rate=3: unknown key lerning-rate; the nearest is"
                  + " training.optimizer.learning-rate");
      assertThat(problemsOf("", "a..b=3")).singleElement().asString().startsWith("--set a..b=3: ");
    }

    @Test
    void inReferencesNameWhatIsMissing() {
      assertThat(problemsOf("seed = ${no.such.key}"))
          .singleElement()
          .asString()
          .startsWith("my.conf:1: ")
          .contains("${no.such.key}");
      assertThat(problemsOf("", "seed=${no.such.key}"))
          .singleElement()
          .asString()
          .startsWith("--set seed=${no.such.key}: ");
    }

    @ParameterizedTest
    @ValueSource(
        strings = {
          "task = ${training} { steps = 3 }",
          "seed = {}",
          "seed = { a = 1 }",
          "task = [1, 2]",
          "task.kind = ${task}",
          "training.optimizer = ${training.local-optimizer} { learning-rate = -1 }",
          "\"a.b\" = 1",
          "{",
          "[1]",
          "seed += 1",
          "\u0000",
          "task.\"steps\".x = 1",
          "stop.rounds = ${stop.rounds}${stop.rounds}x"
        })
    void ofEveryShapeAreMistakesAndNotFailures(String text) {
      assertThat(problemsOf(text)).isNotEmpty();
    }

    @Test
    void leaveNothingOutWhenAFileIsUnreadable() {
      assertThatThrownBy(
              () ->
                  ConfigLoader.load(
                      List.of(
                          new ConfigSource("one.conf", "seed = {"),
                          new ConfigSource("two.conf", "task = ]")),
                      List.of("oops")))
          .isInstanceOf(InvalidConfig.class)
          .hasMessageContaining("one.conf:")
          .hasMessageContaining("two.conf:")
          .hasMessageContaining("--set oops");
    }
  }
}
