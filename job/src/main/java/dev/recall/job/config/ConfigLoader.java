package dev.recall.job.config;

import com.typesafe.config.Config;
import com.typesafe.config.ConfigException;
import com.typesafe.config.ConfigFactory;
import com.typesafe.config.ConfigIncludeContext;
import com.typesafe.config.ConfigIncluder;
import com.typesafe.config.ConfigIncluderClasspath;
import com.typesafe.config.ConfigIncluderFile;
import com.typesafe.config.ConfigIncluderURL;
import com.typesafe.config.ConfigObject;
import com.typesafe.config.ConfigParseOptions;
import com.typesafe.config.ConfigRenderOptions;
import com.typesafe.config.ConfigResolveOptions;
import com.typesafe.config.ConfigUtil;
import com.typesafe.config.ConfigValue;
import com.typesafe.config.ConfigValueType;
import dev.recall.datagen.BatchKey;
import dev.recall.datagen.SequenceTask;
import dev.recall.datagen.Targets;
import dev.recall.model.Initializer;
import dev.recall.model.RegressorSpec;
import dev.recall.model.optim.ClipByElement;
import dev.recall.model.optim.ClipByNorm;
import dev.recall.model.optim.GradientTransform;
import dev.recall.model.optim.LearningRate;
import dev.recall.model.optim.Momentum;
import dev.recall.model.optim.Optimizer;
import dev.recall.model.optim.ScaleByLearningRate;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeMap;

/**
 * Turns reference.conf, files and {@code --set} options, the later before the earlier, into
 * records.
 */
public final class ConfigLoader {

  private static final String REFERENCE = "reference.conf";
  private static final int MAX_SHARDS = 1_000_000;
  private static final Config UNRESOLVED = parse(reference(), new ArrayList<>());
  private static final Config DEFAULTS = UNRESOLVED.resolve(ConfigResolveOptions.noSystem());

  private ConfigLoader() {}

  /**
   * Loads a configuration.
   *
   * @param sources files, the last one wins
   * @param assignments {@code key=value} each, the last one wins, above all files
   * @return the checked configuration
   * @throws InvalidConfig listing every mistake
   */
  public static RunConfig load(List<ConfigSource> sources, List<String> assignments)
      throws InvalidConfig {
    List<String> problems = new ArrayList<>();
    Config given = ConfigFactory.empty();
    for (ConfigSource source : sources) {
      given = checked(source, problems).withFallback(given);
    }
    for (String assignment : assignments) {
      given = assignment(assignment, problems).withFallback(given);
    }
    if (!problems.isEmpty()) {
      throw new InvalidConfig(problems);
    }
    given = withoutUnusable(given, DEFAULTS, problems);
    Config config;
    try {
      config = given.withFallback(UNRESOLVED).resolve(ConfigResolveOptions.noSystem());
    } catch (ConfigException e) {
      problems.add(Settings.place(e.getMessage()));
      throw new InvalidConfig(problems);
    }
    Set<String> cutOff = withoutDefaults(config);
    if (!cutOff.isEmpty()) {
      problems.addAll(cutOff);
      throw new InvalidConfig(problems);
    }
    Settings settings = new Settings(config, DEFAULTS);
    Optional<RunConfig> run = read(settings, settings(config));
    problems.addAll(settings.problems());
    run.map(RunConfig::text)
        .flatMap(text -> TextRules.problem(ConfigSource.stored("all settings together", text)))
        .ifPresent(problems::add);
    if (!problems.isEmpty() || run.isEmpty()) {
      throw new InvalidConfig(problems);
    }
    return run.get();
  }

  /** The text of the defaults. */
  static ConfigSource reference() {
    try (InputStream in = ConfigLoader.class.getResourceAsStream(REFERENCE)) {
      return new ConfigSource(REFERENCE, new String(in.readAllBytes(), StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException(REFERENCE, e);
    }
  }

  private static Config checked(ConfigSource source, List<String> problems) {
    Optional<String> problem = TextRules.problem(source);
    if (problem.isPresent()) {
      problems.add(problem.get());
      return ConfigFactory.empty();
    }
    return parse(source, problems);
  }

  private static Config parse(ConfigSource source, List<String> problems) {
    ConfigParseOptions options =
        ConfigParseOptions.defaults()
            .setOriginDescription(source.name())
            .setIncluder(new NoIncludes(source));
    try {
      return ConfigFactory.parseString(source.text(), options);
    } catch (ConfigException e) {
      problems.add(Settings.place(e.getMessage()));
      return ConfigFactory.empty();
    }
  }

  /**
   * Refuses every form of include. The library ignores one that it cannot find, so a setting would
   * be missing in silence; and for a form whose interface is not implemented here it reads the
   * file, the URL or the class path by itself.
   */
  private record NoIncludes(ConfigSource source)
      implements ConfigIncluder, ConfigIncluderFile, ConfigIncluderURL, ConfigIncluderClasspath {
    @Override
    public ConfigIncluder withFallback(ConfigIncluder fallback) {
      return this;
    }

    @Override
    public ConfigObject include(ConfigIncludeContext context, String what) {
      throw refusal(what);
    }

    @Override
    public ConfigObject includeFile(ConfigIncludeContext context, File what) {
      throw refusal(what.getPath());
    }

    @Override
    public ConfigObject includeURL(ConfigIncludeContext context, URL what) {
      throw refusal(what.toExternalForm());
    }

    @Override
    public ConfigObject includeResources(ConfigIncludeContext context, String what) {
      throw refusal(what);
    }

    private ConfigException refusal(String what) {
      return new ConfigException.Generic(
          source.name()
              + ": "
              + line(what)
              + ": include "
              + what
              + ": not supported; give --config once per file");
    }

    private long line(String what) {
      return 1
          + source
              .text()
              .lines()
              .takeWhile(line -> !(line.contains("include") && line.contains(what)))
              .count();
    }
  }

  private static Config assignment(String assignment, List<String> problems) {
    String origin = "--set " + assignment;
    int equals = assignment.indexOf('=');
    if (equals < 1) {
      problems.add(origin + ": expected key=value");
      return ConfigFactory.empty();
    }
    Optional<String> problem = TextRules.problem(new ConfigSource(origin, assignment));
    if (problem.isPresent()) {
      problems.add(problem.get());
      return ConfigFactory.empty();
    }
    Config parsed = parse(new ConfigSource(origin, assignment), new ArrayList<>());
    String key = assignment.substring(0, equals).strip();
    if (parsed.isEmpty() || !holds(parsed, key)) {
      // Not HOCON: take the value as plain text.
      String quoted = ConfigUtil.quoteString(assignment.substring(equals + 1));
      return parse(new ConfigSource(origin, key + " = " + quoted), problems);
    }
    return parsed;
  }

  private static boolean holds(Config config, String key) {
    try {
      return config.hasPathOrNull(key);
    } catch (ConfigException e) {
      return false;
    }
  }

  /**
   * Drops keys that no default has, null values, and values where a section belongs, as problems.
   */
  private static Config withoutUnusable(Config given, Config defaults, List<String> problems) {
    Config usable = given;
    for (Map.Entry<String, ConfigValue> leaf : leaves(given.root()).entrySet()) {
      String key = leaf.getKey();
      String place = Settings.place(leaf.getValue());
      boolean known = defaults.hasPath(key);
      boolean section = known && defaults.getValue(key) instanceof ConfigObject;
      if (known && !section && !isNull(leaf.getValue())) {
        continue;
      }
      if (!known) {
        String nearest =
            Nearest.to(key, leaves(defaults.root()).keySet())
                .map(candidate -> "; the nearest is " + candidate)
                .orElse("; recall config lists all keys");
        problems.add(place + ": unknown key " + key + nearest);
      } else if (section) {
        problems.add(place + ": " + key + ": expected a section { ... }, found a value");
      } else {
        problems.add(place + ": " + key + ": expected a value, found null");
      }
      usable = usable.withoutPath(key);
    }
    return usable;
  }

  /**
   * Sections that were a value first: to the library, later settings in them begin anew and take
   * nothing from the defaults.
   */
  private static Set<String> withoutDefaults(Config config) {
    Set<String> problems = new LinkedHashSet<>();
    for (String key : leaves(DEFAULTS.root()).keySet()) {
      if (!config.hasPathOrNull(key)) {
        String section = key;
        while (!config.hasPathOrNull(section)) {
          section = section.substring(0, section.lastIndexOf('.'));
        }
        String place = Settings.place(config, section);
        problems.add(place + ": " + section + ": expected a section { ... }, found a value before");
      }
    }
    return problems;
  }

  private static boolean isNull(ConfigValue value) {
    try {
      return value.valueType() == ConfigValueType.NULL;
    } catch (ConfigException.NotResolved e) {
      return false; // refers to another setting
    }
  }

  /** Dotted keys of everything that is not an object, before substitutions are resolved. */
  private static Map<String, ConfigValue> leaves(ConfigObject object) {
    Map<String, ConfigValue> leaves = new TreeMap<>();
    collect("", object, leaves);
    return leaves;
  }

  private static void collect(String prefix, ConfigObject object, Map<String, ConfigValue> into) {
    for (Map.Entry<String, ConfigValue> entry : object.entrySet()) {
      String key = prefix + ConfigUtil.joinPath(entry.getKey());
      if (!(entry.getValue() instanceof ConfigObject child) || isUnresolved(child)) {
        into.put(key, entry.getValue());
      } else {
        collect(key + ".", child, into);
      }
    }
  }

  /** A section with a reference below it has no entries yet. */
  private static boolean isUnresolved(ConfigObject section) {
    try {
      section.entrySet();
      return false;
    } catch (ConfigException.NotResolved e) {
      return true;
    }
  }

  private static List<Setting> settings(Config config) {
    List<Setting> settings = new ArrayList<>();
    for (Map.Entry<String, ConfigValue> leaf : leaves(config.root()).entrySet()) {
      boolean list = leaf.getValue().valueType() == ConfigValueType.LIST;
      String value =
          list
              ? Settings.text(leaf.getValue())
              : leaf.getValue().render(ConfigRenderOptions.concise());
      settings.add(new Setting(leaf.getKey(), value, Settings.place(leaf.getValue())));
    }
    return settings;
  }

  private static Optional<RunConfig> read(Settings s, List<Setting> settings) {
    long seed = s.whole("seed");
    ValidationConfig validation =
        new ValidationConfig(
            s.count("validation.every-rounds", 0),
            s.count("validation.batches", 1),
            s.flag("validation.fresh"));
    StopConfig stop =
        new StopConfig(
            s.count("stop.rounds", 1, BatchKey.MAX_ROUNDS),
            s.number("stop.seconds", 0),
            s.number("stop.target-loss", 0),
            s.number("stop.target-recall-mse", 0),
            s.count("stop.patience", 0),
            s.share("stop.min-improvement", false));
    Optional<SequenceTask> task = task(s);
    boolean peepholes = s.flag("model.peepholes");
    Optional<RegressorSpec> model =
        s.build(() -> modelOf(s.text("model.layers"), peepholes), "model.layers");
    if (task.isPresent() && model.isPresent()) {
      s.build(() -> fitting(task.get(), model.get()), "model.layers");
    }
    Optional<Initializer> initializer = initializer(s);
    EngineKind engine = s.choice("training.engine", EngineKind.class);
    int shards = s.count("training.shards", 1, MAX_SHARDS);
    OptionalInt localSteps = s.countOrAuto("training.local-steps", 1);
    Optimizer optimizer = optimizer(s, "training.optimizer.");
    Optimizer local = optimizer(s, "training.local-optimizer.");
    s.build(() -> reachable(stop, validation), "validation.every-rounds");
    CheckpointConfig checkpoint =
        new CheckpointConfig(
            s.count("checkpoint.every-rounds", 1),
            s.count("checkpoint.keep", 1),
            s.count("checkpoint.keep-every-rounds", 0),
            s.choice("checkpoint.on-failure", CheckpointConfig.OnFailure.class),
            s.flag("checkpoint.background"));
    NotFiniteConfig notFinite =
        new NotFiniteConfig(
            s.choice("training.not-finite.policy", NotFiniteConfig.Policy.class),
            s.count("training.not-finite.limit", 0),
            s.count("training.not-finite.back-rounds", 1));
    WaitConfig wait =
        new WaitConfig(
            s.count("wait.cluster-seconds", 1),
            s.count("wait.executors-seconds", 1),
            s.count("wait.round-seconds", 1),
            s.count("wait.storage-seconds", 1));
    RetrainConfig retrain =
        new RetrainConfig(
            s.choice("retrain.start", RetrainConfig.Start.class),
            s.count("retrain.batches", 2),
            s.confidence("retrain.confidence"),
            s.share("retrain.min-improvement", false),
            s.count("retrain.lease-seconds", 1));
    int evaluation = s.count("evaluation.batches", 1);
    int report = s.count("report.every-rounds", 1);
    SparkConfig spark =
        new SparkConfig(
            s.count("spark.tasks", 0),
            s.count("spark.min-executors", 0),
            s.choice("spark.merge", SparkConfig.MergeOn.class));
    if (!s.problems().isEmpty()) {
      return Optional.empty();
    }
    return Optional.of(
        new RunConfig(
            seed,
            task.orElseThrow(),
            model.orElseThrow(),
            initializer.orElseThrow(),
            new TrainingConfig(
                engine,
                shards,
                localSteps.orElse(s.defaultOf("training.local-steps")),
                localSteps.isEmpty(),
                optimizer,
                local,
                notFinite),
            validation,
            stop,
            checkpoint,
            wait,
            retrain,
            evaluation,
            report,
            spark,
            settings));
  }

  private static StopConfig reachable(StopConfig stop, ValidationConfig validation) {
    boolean needsValidation =
        stop.patience() > 0 || stop.targetLoss() > 0 || stop.targetRecallMse() > 0;
    if (needsValidation && validation.everyRounds() == 0) {
      throw new IllegalArgumentException(
          "expected at least 1 for a target or patience (stop.*), found 0");
    }
    return stop;
  }

  private static Optional<SequenceTask> task(Settings s) {
    TaskKind kind = s.choice("task.kind", TaskKind.class);
    int steps = s.count("task.steps", 1);
    int remember = s.count("task.remember", 1);
    int features = s.count("task.features", 1);
    int batchSize = s.count("task.batch-size", 1);
    Targets targets = s.choice("task.targets", Targets.class);
    return s.build(
        () -> kind.task(steps, remember, features, batchSize, targets),
        "task.remember",
        "task.steps",
        "task.batch-size",
        "task.features");
  }

  /** Also lays the parameters out, which refuses more of them than an array holds. */
  private static RegressorSpec modelOf(String layers, boolean peepholes) {
    RegressorSpec model = RegressorSpec.parse(layers, peepholes);
    model.layout();
    return model;
  }

  private static RegressorSpec fitting(SequenceTask task, RegressorSpec model) {
    if (model.inputSize() != task.inputSize() || model.outputSize() != task.targetSize()) {
      throw new IllegalArgumentException(
          "expected "
              + task.inputSize()
              + " inputs and "
              + task.targetSize()
              + " outputs for the task, found "
              + model.layers());
    }
    return model;
  }

  private static Optional<Initializer> initializer(Settings s) {
    InitializerKind kind = s.choice("model.initializer", InitializerKind.class);
    double forgetBias = s.number("model.forget-bias", -100);
    double gain = s.numberAbove("model.recurrent-gain", 0);
    int chronoSteps = s.count("model.chrono-steps", 1);
    return s.build(() -> kind.initializer(forgetBias, gain, chronoSteps), "model.chrono-steps");
  }

  private static Optimizer optimizer(Settings s, String at) {
    Algorithm algorithm = s.choice(at + "algorithm", Algorithm.class);
    LearningRate.Decay decay = decay(s, at);
    LearningRate rate =
        new LearningRate(
            s.number(at + "learning-rate", 0), s.number(at + "warm-up-rounds", 0), decay);
    double momentum = s.share(at + "momentum", false);
    boolean nesterov = s.flag(at + "nesterov");
    NesterovForm form = s.choice(at + "nesterov-form", NesterovForm.class);
    double halfLife = s.numberAbove(at + "half-life", 0);
    double rmsDecay = s.share(at + "rms-decay", false);
    double epsilon = s.numberAbove(at + "epsilon", Float.MIN_NORMAL);
    double clipNorm = s.number(at + "clip-norm", 0);
    ClipScope scope = s.choice(at + "clip-norm-of", ClipScope.class);
    double clipElement = s.number(at + "clip-element", 0);
    List<GradientTransform> stages = new ArrayList<>();
    if (clipElement > 0) {
      stages.add(new ClipByElement(clipElement));
    }
    if (clipNorm > 0) {
      stages.add(new ClipByNorm(clipNorm, scope == ClipScope.BLOCK));
    }
    s.build(
            () -> algorithm.scaling(halfLife, rmsDecay, epsilon),
            at + "half-life",
            at + "rms-decay")
        .ifPresent(stages::addAll);
    stages.add(new ScaleByLearningRate(rate));
    if (momentum > 0) {
      stages.add(nesterov ? form.stage(momentum) : new Momentum(momentum, false));
    }
    return new Optimizer(stages);
  }

  private static LearningRate.Decay decay(Settings s, String at) {
    double rounds = s.numberAbove(at + "decay-rounds", 0);
    double finalFactor = s.share(at + "final-factor", true);
    double stepRounds = s.numberAbove(at + "step-rounds", 0);
    double stepFactor = s.share(at + "step-factor", true);
    DecayKind kind = s.choice(at + "decay", DecayKind.class);
    return s.build(
            () -> kind.decay(rounds, finalFactor, stepRounds, stepFactor), at + "step-factor")
        .orElse(new LearningRate.Constant());
  }
}
