package dev.recall.job;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.recall.job.config.ConfigLoader;
import dev.recall.job.config.ConfigSource;
import dev.recall.job.config.InvalidConfig;
import dev.recall.job.config.Setting;
import dev.recall.model.format.FormatException;
import dev.recall.model.format.Safetensors;
import dev.recall.model.format.TensorFile;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.regex.MatchResult;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;

/**
 * What README and docs say of the program, compared with it. A claim that is no longer true fails
 * here by document and word; repair the document or the program.
 */
class ReadmeTest {

  private static final Path ROOT = root();
  private static final String LAUNCHER = "deploy/bin/recall";
  private static final List<String> OTHER_SCRIPTS =
      List.of("deploy/bin/bench", "deploy/bin/bench-strategies", "deploy/bin/cluster");

  /** Options of spark-submit without a value. */
  private static final Set<String> FLAGS = Set.of("--supervise");

  /** Options of spark-submit, the JVM and Recall's launcher that the documents name. */
  private static final Set<String> FOREIGN_OPTIONS =
      Set.of(
          "--master",
          "--deploy-mode",
          "--conf",
          "--properties-file",
          "--files",
          "--jars",
          "--principal",
          "--keytab",
          "--status",
          "--kill",
          "--supervise",
          "--add-modules",
          "--seeds",
          "--gradients",
          "--runs");

  /** Classes of others that the documents name. */
  private static final Set<String> FOREIGN_CLASSES =
      Set.of(
          "Add",
          "BigDecimal",
          "GravesLSTM",
          "IOException",
          "Infinity",
          "JavaRDD",
          "MatMul",
          "Math",
          "ModelSerializer",
          "Nd4j",
          "NoOp",
          "Random",
          "RnnOutputLayer",
          "ServiceLoader",
          "SparkContext",
          "SplittableRandom",
          "Squeeze",
          "StrictMath");

  /** Files that a reader of the documents makes, and output of the build. */
  private static final Pattern OTHERS_FILES =
      Pattern.compile(
          "(RUN/)?(config\\.conf|summary\\.json|metrics|(checkpoints|metrics)/[\\w.-]+)"
              + "|runs/[\\w./-]+|job/target/.+|\\w+\\.(conf|json|safetensors|bin)");

  private static final Pattern FENCE = Pattern.compile("(?ms)^```(\\w+)\\n(.*?)^```$");
  private static final Pattern CODE = Pattern.compile("`([^`\\n]+)`");
  private static final Pattern LINK = Pattern.compile("\\]\\(([^)\\s]+)\\)");
  private static final Pattern OPTION = Pattern.compile("(?<![\\w-])--[a-z][a-z-]+");
  private static final Pattern KEY =
      Pattern.compile("[a-z][a-z0-9]*(-[a-z0-9]+)*(\\.[a-z][a-z0-9_-]*)+");
  private static final Pattern PATH =
      Pattern.compile("\\.?[\\w*][\\w.*-]*(/[\\w.*-]*)+|[\\w-]+\\.\\w+");
  private static final Pattern CLASS =
      Pattern.compile("([A-Z][A-Za-z0-9]*[a-z][A-Za-z0-9]*)(?:\\.(\\w+))?");

  private static Path root() {
    Path at = Path.of("").toAbsolutePath();
    while (!Files.exists(at.resolve(LAUNCHER))) {
      at = at.getParent();
    }
    return at;
  }

  static List<String> documents() throws IOException {
    List<String> documents = new ArrayList<>(List.of("README.md", "CONTRIBUTING.md"));
    documents.addAll(files("docs", file -> file.endsWith(".md")));
    return documents;
  }

  static List<String> documentsWithCommands() throws IOException {
    List<String> documents = documents();
    documents.addAll(files("deploy", file -> file.endsWith(".md")));
    return documents;
  }

  private static List<String> files(String folder, Predicate<String> wanted) throws IOException {
    try (Stream<Path> found = Files.walk(ROOT.resolve(folder))) {
      return found
          .filter(Files::isRegularFile)
          .map(file -> ROOT.relativize(file).toString().replace('\\', '/'))
          .filter(wanted)
          .sorted()
          .toList();
    }
  }

  private static String read(String file) throws IOException {
    return Files.readString(ROOT.resolve(file));
  }

  private static List<String> fenced(String document, String language) throws IOException {
    return FENCE
        .matcher(read(document))
        .results()
        .filter(fence -> fence.group(1).equals(language))
        .map(fence -> fence.group(2))
        .toList();
  }

  /** Words in backticks, those inside fences left out. */
  private static List<String> words(String document) throws IOException {
    String prose = FENCE.matcher(read(document)).replaceAll("");
    return CODE.matcher(prose).results().map(word -> word.group(1)).toList();
  }

  private static List<String> wordsLike(Pattern pattern, String document) throws IOException {
    return words(document).stream().filter(word -> pattern.matcher(word).matches()).toList();
  }

  /** Lines of shell blocks without prompts, comments and continuations. */
  private static List<String> shellLines(String document) throws IOException {
    List<String> lines = new ArrayList<>();
    for (String block : fenced(document, "sh")) {
      block.replace("\\\n", " ").lines().map(String::strip).forEach(lines::add);
    }
    lines.addAll(words(document).stream().filter(word -> word.startsWith(LAUNCHER + " ")).toList());
    return lines;
  }

  private static List<String> split(String line) {
    return Pattern.compile("'([^']*)'|\"([^\"]*)\"|(\\S+)")
        .matcher(line)
        .results()
        .map(word -> Stream.of(1, 2, 3).map(word::group).filter(w -> w != null).findFirst())
        .map(word -> word.orElseThrow())
        .toList();
  }

  private static Map<String, String> settings(List<ConfigSource> sources) throws InvalidConfig {
    Map<String, String> settings = new LinkedHashMap<>();
    for (Setting setting : ConfigLoader.load(sources, List.of()).settings()) {
      settings.put(setting.key(), setting.value());
    }
    return settings;
  }

  private static Set<String> options() {
    Set<String> options = new TreeSet<>();
    for (CommandLine verb : Main.commands().getSubcommands().values()) {
      for (OptionSpec option : verb.getCommandSpec().options()) {
        options.addAll(Arrays.asList(option.names()));
      }
    }
    return options;
  }

  @ParameterizedTest
  @MethodSource("documents")
  void linksLeadToFiles(String document) throws IOException {
    Path folder = ROOT.resolve(document).getParent();
    List<String> links = LINK.matcher(read(document)).results().map(link -> link.group(1)).toList();
    assertThat(links)
        .filteredOn(link -> !link.startsWith("https://"))
        .allSatisfy(link -> assertThat(folder.resolve(link.replaceFirst("#.*", ""))).exists());
  }

  @ParameterizedTest
  @MethodSource("documentsWithCommands")
  void commandsAreUnderstood(String document) throws IOException, InvalidConfig {
    for (String line : shellLines(document)) {
      List<String> words = split(line);
      if (!words.isEmpty() && words.get(0).equals(LAUNCHER) && !line.contains("…")) {
        understood(line, words.subList(1, words.size()));
      }
    }
  }

  /** As the launcher splits it: options with their values before the verb are spark-submit's. */
  private static void understood(String line, List<String> words)
      throws InvalidConfig, IOException {
    int verb = 0;
    while (verb < words.size() && words.get(verb).startsWith("--")) {
      assertThat(words.get(verb)).as(line).isIn(FOREIGN_OPTIONS);
      verb += FLAGS.contains(words.get(verb)) ? 1 : 2;
    }
    List<String> arguments = words.subList(Math.min(verb, words.size()), words.size());
    assertThat(!arguments.isEmpty() || words.contains("--status") || words.contains("--kill"))
        .as(line)
        .isTrue();
    try {
      String[] given = arguments.toArray(new String[0]);
      Main.commands(given).parseArgs(given);
    } catch (CommandLine.ParameterException e) {
      throw new AssertionError(line + ": " + e.getMessage(), e);
    }
    List<ConfigSource> files = new ArrayList<>();
    List<String> assignments = new ArrayList<>();
    for (int i = 0; i + 1 < arguments.size(); i++) {
      String value = arguments.get(i + 1);
      if (arguments.get(i).equals("--set")) {
        assignments.add(value);
      } else if (arguments.get(i).equals("--config") && value.startsWith("conf/")) {
        files.add(new ConfigSource(value, read(value)));
      }
    }
    ConfigLoader.load(files, assignments);
  }

  @ParameterizedTest
  @MethodSource("documentsWithCommands")
  void optionsOfOtherScriptsAreInTheirHelp(String document) throws IOException {
    for (String line : shellLines(document)) {
      for (String script : OTHER_SCRIPTS) {
        if (line.startsWith(script + " ")) {
          for (MatchResult option : OPTION.matcher(line).results().toList()) {
            assertThat(read(script)).as(line).containsPattern("(?m)^  " + option.group() + " ");
          }
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("documents")
  void configurationExamplesAreValid(String document) throws IOException, InvalidConfig {
    for (String text : fenced(document, "hocon")) {
      ConfigLoader.load(List.of(new ConfigSource(document, text)), List.of());
    }
  }

  @ParameterizedTest
  @MethodSource("documents")
  void optionsExist(String document) throws IOException {
    Set<String> known = options();
    for (String word : words(document)) {
      for (MatchResult option : OPTION.matcher(word).results().toList()) {
        assertThat(option.group())
            .as(document)
            .matches(name -> known.contains(name) || FOREIGN_OPTIONS.contains(name), "an option");
      }
    }
  }

  /** Dotted words are settings or sections, unless they are packages, files or tensors. */
  @ParameterizedTest
  @MethodSource("documents")
  void keysExist(String document) throws IOException, InvalidConfig {
    Set<String> keys = settings(List.of()).keySet();
    for (String word : words(document)) {
      String key = word.replaceFirst("=.*", "").replaceFirst("\\.\\*$", "");
      boolean section = word.endsWith(".*");
      if (section || (KEY.matcher(key).matches() && !isSomethingElse(key))) {
        assertThat(keys)
            .as(document + ": " + word)
            .anyMatch(known -> known.equals(key) || known.startsWith(key + "."));
      }
    }
  }

  private static boolean isSomethingElse(String word) {
    return word.matches("(dev|org|java|jdk|yarn)\\..*")
        || (word.startsWith("spark.") && !word.matches("spark\\.(tasks|merge)"))
        || word.matches(".*\\.(conf|jsonl?|md|xml|properties|safetensors|bin|jar|keys)")
        || word.matches("(hid\\d|out|optimizer|best|lstm|linear|nn)\\..*");
  }

  @ParameterizedTest
  @MethodSource("documents")
  void packagesExist(String document) throws IOException {
    for (String name : wordsLike(Pattern.compile("dev\\.recall[a-z.0-9]*"), document)) {
      assertThat(Stream.of("datagen", "model", "job"))
          .as(document + ": " + name)
          .anyMatch(
              module ->
                  Files.isDirectory(
                      ROOT.resolve(module + "/src/main/java/" + name.replace('.', '/'))));
    }
  }

  @ParameterizedTest
  @MethodSource("documents")
  void pathsExist(String document) throws IOException {
    List<String> all = repository();
    for (String path : wordsLike(PATH, document)) {
      boolean isKey = KEY.matcher(path).matches() && !isSomethingElse(path);
      boolean isName =
          path.matches(
              "(dev|org|java|jdk|yarn|spark|hid\\d|out|optimizer|best|lstm|linear|nn)\\..*");
      boolean isClass = CLASS.matcher(path).matches();
      boolean isOthers = path.contains("Your") || OTHERS_FILES.matcher(path).matches();
      if (!isKey && !isName && !isClass && !isOthers) {
        PathMatcher glob = FileSystems.getDefault().getPathMatcher("glob:{**/,}" + path);
        assertThat(
                Files.exists(ROOT.resolve(path))
                    || all.stream().map(Path::of).anyMatch(glob::matches))
            .as(document + ": " + path)
            .isTrue();
      }
    }
  }

  private static List<String> repository() throws IOException {
    List<String> all = new ArrayList<>();
    for (String folder : List.of("conf", "deploy", "docs")) {
      all.addAll(files(folder, file -> true));
    }
    for (String module : List.of("datagen", "model", "job")) {
      all.addAll(files(module + "/src", file -> true));
    }
    return all;
  }

  @ParameterizedTest
  @MethodSource("documents")
  void classesAndTheirMembersExist(String document) throws IOException {
    List<String> sources = repository().stream().filter(file -> file.endsWith(".java")).toList();
    for (String word : wordsLike(CLASS, document)) {
      Matcher name = CLASS.matcher(word);
      name.matches();
      if (word.contains("Your") || FOREIGN_CLASSES.contains(name.group(1))) {
        continue;
      }
      List<String> files =
          sources.stream().filter(file -> file.endsWith("/" + name.group(1) + ".java")).toList();
      assertThat(files).as(document + ": " + word).hasSize(1);
      if (name.group(2) != null) {
        assertThat(read(files.get(0))).as(document + ": " + word).contains(name.group(2) + "(");
      }
    }
  }

  @Test
  void folderMapIsTrue() throws IOException {
    String map =
        fenced("README.md", "text").stream()
            .filter(block -> block.startsWith("pom.xml"))
            .findFirst()
            .orElseThrow();
    List<String> paths = map.lines().map(line -> line.split("\\s+")[0]).toList();
    assertThat(paths).allSatisfy(path -> assertThat(ROOT.resolve(path)).exists());
    List<String> modules =
        Pattern.compile("<module>(\\w+)</module>")
            .matcher(read("pom.xml"))
            .results()
            .map(module -> module.group(1) + "/")
            .toList();
    assertThat(paths).containsAll(modules);
    for (String folder : List.of("deploy", "conf", "docs")) {
      try (Stream<Path> children = Files.list(ROOT.resolve(folder))) {
        children.forEach(
            child ->
                assertThat(map)
                    .as("%s in the map", child)
                    .containsPattern(
                        folder + "/( .*|)\\b" + Pattern.quote(child.getFileName().toString())));
      }
    }
  }

  @Test
  void javaExamplesAreCompiledAndRun() throws IOException {
    Map<String, String> compiled = examples();
    assertThat(stripped(fenced("README.md", "java")))
        .containsExactly(
            compiled.get("README.md, loop"),
            compiled.get("README.md, service"),
            compiled.get("README.md, pipeline"));
    assertThat(stripped(fenced("docs/recipes.md", "java")))
        .containsExactly(
            compiled.get("docs/recipes.md, task"), compiled.get("docs/recipes.md, loop"));
  }

  private static Map<String, String> examples() throws IOException {
    String source =
        read("job/src/test/java/dev/recall/job/ReadmeExampleTest.java")
            + read("job/src/test/java/dev/recall/job/spark/predict/PredictTest.java");
    Map<String, String> examples = new LinkedHashMap<>();
    Pattern.compile("(?ms)^ *// ((?:README|docs)\\S+(?:, \\w+)?)\\n(.*?)^ *// end$")
        .matcher(source)
        .results()
        .forEach(part -> examples.put(part.group(1), stripped(part.group(2))));
    return examples;
  }

  private static List<String> stripped(List<String> blocks) {
    return blocks.stream().map(ReadmeTest::stripped).toList();
  }

  private static String stripped(String block) {
    return String.join("\n", block.lines().map(String::strip).toList()).strip();
  }

  /** README's table names all keys of task, model and training in which conf/seed.conf differs. */
  @Test
  void seedConfDiffersFromTheDefaultsInTheKeysThatReadmeNames() throws IOException, InvalidConfig {
    Map<String, String> defaults = settings(List.of());
    Map<String, String> seed =
        settings(List.of(new ConfigSource("conf/seed.conf", read("conf/seed.conf"))));
    Set<String> differing = new TreeSet<>(defaults.keySet());
    differing.removeIf(
        key ->
            !key.matches("(task|model|training)\\..*")
                || key.startsWith("training.local-optimizer.") // not used by seed.conf
                || key.matches(".*\\.(decay|back)-rounds") // those of the run, of its checkpoints
                || defaults.get(key).equals(seed.get(key)));
    assertThat(keysInTable(read("README.md"), "| key | why |"))
        .containsExactlyInAnyOrderElementsOf(differing);
  }

  private static Set<String> keysInTable(String text, String head) {
    assertThat(text).contains(head);
    Set<String> keys = new LinkedHashSet<>();
    text.substring(text.indexOf(head) + head.length())
        .lines()
        .skip(2)
        .takeWhile(line -> line.startsWith("|"))
        .map(line -> line.split("\\|")[1])
        .forEach(cell -> CODE.matcher(cell).results().forEach(key -> keys.add(key.group(1))));
    return keys;
  }

  @Test
  void exitCodesAreThoseOfTheProgram() throws IOException {
    String codes = "\\| (\\d) \\| (done|cluster|something|loss).*";
    assertThat(
            Pattern.compile(codes)
                .matcher(read("README.md"))
                .results()
                .map(r -> r.group(1) + r.group(2)))
        .containsExactly(
            "0done", Main.FAILED + "cluster", Main.WRONG + "something", Main.NOT_FINITE + "loss");
  }

  @Test
  void requirementsAreThoseOfTheLauncherAndTheBuild() throws IOException {
    assertThat(read("README.md")).contains("a JDK, 17 to 22, and Maven 3.8 or newer");
    assertThat(read("deploy/bin/build.sh")).contains("-ge 17 && $version -lt 23");
    assertThat(read("pom.xml")).contains("<version>[3.8,)</version>", "<version>[17,)</version>");
  }

  @Test
  void clusterPropertiesGiveExecutorsTheVectorModule() throws IOException {
    for (String file : files("conf", name -> name.matches("conf/spark-.*\\.properties"))) {
      assertThat(read(file))
          .as(file)
          .containsPattern(
              "(?m)^spark\\.executor\\.extraJavaOptions .*--add-modules=jdk\\.incubator\\.vector");
    }
  }

  /** Trains for two rounds and compares what is there with docs/formats.md. */
  @Test
  void filesOfARunAreAsDescribed(@TempDir Path folder) throws IOException, FormatException {
    String formats = read("docs/formats.md");
    Path run = folder.resolve("run");
    Path evaluated = folder.resolve("evaluated.json");
    Path batch = folder.resolve("batch.safetensors");
    List<String> small =
        List.of(
            "task.steps=4",
            "task.batch-size=2",
            "training.local-steps=2",
            "validation.every-rounds=1",
            "evaluation.batches=1",
            "stop.rounds=2",
            "stop.patience=5",
            "checkpoint.every-rounds=1");
    recall("train", "--without-spark", "--run", run, "--set", small);
    recall("evaluate", run, "--summary", evaluated);
    recall("generate", "--config", run.resolve("config.conf"), "--output", batch);

    assertThat(filesBelow(run))
        .containsExactly(
            "chain/rounds-00000000-00000000.jsonl",
            "chain/rounds-00000001-00000001.jsonl",
            "chain/rounds-00000002-00000002.jsonl",
            "checkpoints/round-00000000.safetensors",
            "checkpoints/round-00000001.safetensors",
            "checkpoints/round-00000002.safetensors",
            "config.conf",
            "metrics/rounds-00000001-00000001.jsonl",
            "metrics/rounds-00000002-00000002.jsonl",
            "provenance.intoto.json",
            "run.json",
            "summary.json");
    assertThat(keysInTable(section(formats, "run.json"), "| field | value |"))
        .containsExactlyInAnyOrderElementsOf(names(RunFiles.json(run.resolve("run.json"))));
    assertThat(keysInTable(section(formats, "Metrics"), "| field | value |"))
        .containsExactlyElementsOf(
            fields(Files.readString(run.resolve("metrics/rounds-00000002-00000002.jsonl"))));
    Set<String> written = fields(Files.readString(run.resolve("summary.json")));
    assertThat(keysInTable(section(formats, "Summary"), "| field | value |"))
        .containsExactlyElementsOf(written);
    written.remove("stopped_because");
    assertThat(fields(Files.readString(evaluated))).containsExactlyElementsOf(written);
    JsonNode statement = RunFiles.json(run.resolve("provenance.intoto.json"));
    JsonNode predicate = statement.path("predicate");
    List<String> described = new ArrayList<>(names(statement));
    for (String part : names(predicate)) {
      described.addAll(names(predicate.get(part)));
    }
    assertThat(keysInTable(section(formats, "Provenance statement"), "| field | value |"))
        .containsExactlyElementsOf(described);
    checkpointIsAsDescribed(formats, run.resolve("checkpoints/round-00000002.safetensors"));
    assertThat(keysInTable(section(formats, "Batches"), "| tensor | shape | meaning |"))
        .containsExactlyElementsOf(Safetensors.decode(Files.readAllBytes(batch)).names());
  }

  private static void checkpointIsAsDescribed(String formats, Path file)
      throws IOException, FormatException {
    byte[] bytes = Files.readAllBytes(file);
    TensorFile checkpoint = Safetensors.decode(bytes);
    String text = section(formats, "Checkpoint");
    Set<String> blocks = keysInTable(text, "| tensor | shape | meaning |");
    List<String> parameters =
        checkpoint.names().stream().filter(name -> !name.matches("(optimizer|best)\\..*")).toList();
    assertThat(blocks).containsExactlyElementsOf(parameters);
    Set<String> described = new TreeSet<>(blocks);
    for (String block : blocks) {
      described.add("best." + block);
      for (String slot : List.of("mean", "mean_square", "velocity")) {
        described.add("optimizer." + slot + "." + block);
        described.add("optimizer.local." + slot + "." + block);
      }
    }
    assertThat(described).containsAll(checkpoint.names());
    Set<String> metadata = new TreeSet<>(checkpoint.metadata().keySet());
    metadata.add(Safetensors.DIGEST); // taken out by the reader
    assertThat(keysInTable(text, "| key | value |")).containsExactlyInAnyOrderElementsOf(metadata);
    assertThat(checkpoint.metadata()).containsEntry("recall_format", "2");
    assertThat(new String(bytes, StandardCharsets.ISO_8859_1)).contains(Safetensors.DIGEST);
  }

  private static String section(String text, String heading) {
    int from = text.indexOf("\n## " + heading);
    int to = text.indexOf("\n## ", from + 1);
    return text.substring(from, to < 0 ? text.length() : to);
  }

  private static Set<String> fields(String json) {
    Set<String> fields = new LinkedHashSet<>();
    Pattern.compile("\"(\\w+)\"\\s*:").matcher(json).results().forEach(f -> fields.add(f.group(1)));
    return fields;
  }

  private static List<String> names(JsonNode json) {
    List<String> names = new ArrayList<>();
    json.fieldNames().forEachRemaining(names::add);
    return names;
  }

  private static List<String> filesBelow(Path folder) throws IOException {
    try (Stream<Path> found = Files.walk(folder)) {
      return found
          .filter(Files::isRegularFile)
          .map(file -> folder.relativize(file).toString())
          .sorted()
          .toList();
    }
  }

  /** Runs a verb; a list stands for its values, each behind the option before it. */
  private static void recall(Object... words) {
    List<String> arguments = new ArrayList<>();
    for (Object word : words) {
      if (word instanceof List<?> values) {
        String option = arguments.remove(arguments.size() - 1);
        values.forEach(value -> arguments.addAll(List.of(option, value.toString())));
      } else {
        arguments.add(word.toString());
      }
    }
    StringWriter messages = new StringWriter();
    PrintWriter out = new PrintWriter(messages, true);
    assertThat(Main.run(out, out, arguments.toArray(new String[0])))
        .as(() -> arguments + "\n" + messages)
        .isZero();
  }
}
