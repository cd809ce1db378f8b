package dev.recall.job;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What deploy/bin/recall gives to spark-submit, with one that only prints it. */
class LauncherTest {

  @TempDir private Path folder;

  @BeforeEach
  void copyTheLauncherBesideAnEmptyJar() throws IOException {
    Path root = Path.of("").toAbsolutePath();
    while (!Files.exists(root.resolve("deploy/bin/recall"))) {
      root = root.getParent();
    }
    Path launcher = folder.resolve("deploy/bin/recall");
    Files.createDirectories(launcher.getParent());
    Files.copy(root.resolve("deploy/bin/recall"), launcher);
    Files.copy(root.resolve("deploy/bin/build.sh"), launcher.resolveSibling("build.sh"));
    executable(launcher);
    Path jar = folder.resolve("job/target/recall.jar");
    Files.createDirectories(jar.getParent());
    Files.createFile(jar);
    Path submit = folder.resolve("spark/bin/spark-submit");
    Files.createDirectories(submit.getParent());
    Files.writeString(
        submit,
        "#!/bin/sh\necho \"options $SPARK_SUBMIT_OPTS\"\necho \"threads $OMP_NUM_THREADS: $*\"\n");
    executable(submit);
  }

  private static void executable(Path file) {
    assertThat(file.toFile().setExecutable(true)).isTrue();
  }

  private String output(String... command) throws IOException, InterruptedException {
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().put("SPARK_HOME", folder.resolve("spark").toString());
    builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
    builder.environment().put("SPARK_SUBMIT_OPTS", "-Dmine=1");
    builder.environment().remove("TERM");
    builder.directory(folder.toFile());
    builder.redirectInput(new File("/dev/null")).redirectErrorStream(true);
    Process process = builder.start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(1, TimeUnit.MINUTES)).isTrue();
    assertThat(process.exitValue()).as(output).isZero();
    return output;
  }

  @Test
  void saysNothingOfATerminalWhereThereIsNone() throws IOException, InterruptedException {
    assertThat(output("deploy/bin/recall", "config"))
        .startsWith("options --add-modules=jdk.incubator.vector -Dlog4j2.configurationFile=file:")
        .contains("/conf/log4j2.properties -Dmine=1")
        .doesNotContain("recall.terminal");
  }

  @ParameterizedTest
  @CsvSource({
    "stty cols 100; deploy/bin/recall config, -Drecall.terminal.columns=100 -Dmine=1",
    "stty cols 100; deploy/bin/recall config > out; cat out, -Drecall.terminal.columns=100",
    // A terminal that does not know its width.
    "stty cols 0; deploy/bin/recall config, -Drecall.terminal.columns=80"
  })
  void saysHowWideTheTerminalBehindStderrIs(String command, String option)
      throws IOException, InterruptedException {
    assertThat(inATerminal(command)).contains(option);
  }

  @Test
  void asksForStderrAlone() throws IOException, InterruptedException {
    assertThat(inATerminal("deploy/bin/recall config 2> err"))
        .contains("options ")
        .doesNotContain("recall.terminal");
  }

  @ParameterizedTest
  @CsvSource({
    "--conf spark.authenticate.secret=abc, true",
    "--conf=spark.hadoop.fs.s3a.secret.key=abc, true",
    "--conf spark.ssl.keyPassword=abc, true",
    "--conf spark.authenticate.secret.file=/etc/secret, false",
    "--conf spark.redaction.regex=secret, false",
    "--name secret, false"
  })
  void warnsOfSecretsThatOthersCanRead(String option, boolean secret)
      throws IOException, InterruptedException {
    String[] command = ("deploy/bin/recall " + option + " config").split(" ");
    String warning = "on a command line can be read by everybody on this machine";
    assertThat(output(command).contains(warning)).isEqualTo(secret);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "train|--set|training.strategy=dl4j-parameter-averaging; JAR",
        "train|--set=training.engine=dl4j; JAR",
        "train|--set|training.engine = dl4j; JAR",
        "train|--set|training.engine=fused; none",
        "train|--config|equals.conf; JAR",
        "train|--config|silent.conf|--config=colon.conf; JAR",
        "train|--config=file:FOLDER/json.conf; JAR",
        "train|--config|silent.conf|--set|seed=1; none",
        "train|--resume|run; JAR",
        "train|--run=file:FOLDER/run; JAR",
        "verify|run; JAR",
        "predict|--run|r|--in|equals.conf|--out|dl4j; none",
        "config; none"
      })
  void bringsDeeplearning4jToThoseWhoAskForIt(String arguments, String jars)
      throws IOException, InterruptedException {
    Path jar = deeplearning4j();
    write("equals.conf", "training { strategy = \"dl4j-averaging\" }");
    write("colon.conf", "training {\n  engine : dl4j\n}");
    write("json.conf", "{\"training\": {\"engine\": \"dl4j\"}}");
    write("silent.conf", "seed = 1 # not engine = dl4j");
    Files.createDirectory(folder.resolve("run"));
    write("run/config.conf", "training.strategy = \"dl4j-averaging\"\n");
    String output = output(recall(arguments));
    if (jars.equals("none")) {
      assertThat(output).doesNotContain("--jars").contains("threads : ");
    } else {
      assertThat(output).contains("--jars " + jar + " ").contains("threads 1: ");
    }
  }

  /** Where spark-submit looks for jars: options, settings, then one file. */
  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "--jars|a.jar,b.jar; a.jar,b.jar",
        "--jars=a.jar|--conf|spark.jars=b.jar; a.jar",
        "--jars|a.jar|--jars|b.jar; b.jar",
        "--conf|spark.jars=b.jar|--conf|spark.jars.packages=p; b.jar",
        "--conf=spark.jars=b.jar|--properties-file|mine; b.jar",
        "--properties-file|mine; c.jar,d.jar",
        "--properties-file=none; ",
        "--name|mine; e.jar",
      })
  void leavesTheUsersOwnJarsBesideIt(String options, String jars)
      throws IOException, InterruptedException {
    Path jar = deeplearning4j();
    write("mine", "spark.jars.packages p\n spark.jars = c.jar,d.jar \nspark.app.name x\n");
    Files.createDirectory(folder.resolve("spark/conf"));
    write("spark/conf/spark-defaults.conf", "spark.jars\te.jar");
    String own = jars == null ? "" : jars + ",";
    assertThat(output(recall(options + "|train|--set|training.engine=dl4j")))
        .contains(" --jars " + own + jar + " ");
  }

  private Path deeplearning4j() throws IOException {
    return Files.createFile(folder.resolve("job/target/recall-dl4j.jar")).toRealPath();
  }

  private void write(String name, String text) throws IOException {
    Files.writeString(folder.resolve(name), text);
  }

  private String[] recall(String arguments) {
    return ("deploy/bin/recall|" + arguments.replace("FOLDER", folder.toString())).split("\\|");
  }

  /** Runs with script(1) of util-linux, which makes a pseudo-terminal. */
  private String inATerminal(String command) throws IOException, InterruptedException {
    String version = output("sh", "-c", "script --version || true");
    assumeTrue(version.contains("util-linux"), "no script(1) of util-linux here");
    return output("script", "-qec", command, "/dev/null");
  }
}
