package dev.recall.job;

import static org.assertj.core.api.Assertions.assertThat;

import dev.recall.job.config.ConfigLoader;
import dev.recall.job.config.ConfigSource;
import dev.recall.job.config.InvalidConfig;
import dev.recall.job.config.RunConfig;
import dev.recall.job.config.Setting;
import dev.recall.job.train.LocalRounds;
import dev.recall.job.train.ShardPlan;
import dev.recall.job.train.StopReason;
import dev.recall.job.train.Trainer;
import dev.recall.job.train.TrainingState;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The files conf/*.conf but for seed.conf, which states the seed's settings in full. */
class PresetsTest {

  private static final Path CONF = Path.of("../conf");

  static Stream<String> presets() {
    return RunFiles.names(CONF).stream()
        .filter(name -> name.endsWith(".conf") && !name.equals("seed.conf"));
  }

  private static RunConfig load(String preset, String... assignments) throws InvalidConfig {
    ConfigSource source = new ConfigSource(preset, RunFiles.text(CONF.resolve(preset)));
    return ConfigLoader.load(List.of(source), List.of(assignments));
  }

  @Test
  void readmeListsThem() {
    String readme = RunFiles.text(Path.of("../README.md"));
    assertThat(presets())
        .contains("long-wait.conf", "many-values.conf", "precise.conf", "synchronous.conf")
        .allSatisfy(name -> assertThat(readme).contains("| `conf/" + name + "` |"));
  }

  @ParameterizedTest
  @MethodSource("presets")
  void holdsOnlyWhatDiffersFromTheDefaults(String preset) throws InvalidConfig {
    Map<String, String> defaults =
        ConfigLoader.load(List.of(), List.of()).settings().stream()
            .collect(Collectors.toMap(Setting::key, Setting::value));
    assertThat(load(preset).settings())
        .filteredOn(setting -> setting.origin().startsWith(preset))
        .isNotEmpty()
        .noneMatch(setting -> setting.value().equals(defaults.get(setting.key())));
  }

  @ParameterizedTest
  @MethodSource("presets")
  void saysWhatToExpect(String preset) {
    assertThat(RunFiles.text(CONF.resolve(preset))).startsWith("#").containsPattern("recall MSE");
  }

  @ParameterizedTest
  @MethodSource("presets")
  void trains(String preset) throws InvalidConfig, IOException {
    RunConfig config =
        load(preset, "stop.rounds=1", "training.local-steps=2", "validation.every-rounds=1");
    float[] start = config.initializer().initialize(config.model(), config.seed());
    TrainingState state = TrainingState.initial(config, start.clone());
    try (LocalRounds rounds = new LocalRounds(ShardPlan.of(config), 2)) {
      assertThat(new Trainer(config, List.of()).train(state, rounds).reason())
          .isEqualTo(StopReason.ROUNDS);
    }
    assertThat(state.parameters()).isNotEqualTo(start);
  }
}
