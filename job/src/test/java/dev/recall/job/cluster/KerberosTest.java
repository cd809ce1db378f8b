package dev.recall.job.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.recall.job.Commands;
import dev.recall.job.RunFiles;
import dev.recall.job.cluster.DaemonCluster.Kind;
import dev.recall.job.config.Configs;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.time.Duration;
import java.time.LocalTime;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** HDFS and YARN with Kerberos, and tickets of {@value DaemonCluster#TICKET_SECONDS} seconds. */
@Tag("cluster")
@Tag("long")
class KerberosTest {

  private static final String STORE_SECRET = "5d0e7a91c3f24b68-of-the-store";

  /** Until when a delegation token is good that nobody renews. */
  private static final int TOKEN_SECONDS = 2 * DaemonCluster.TICKET_SECONDS;

  private static final Pattern END =
      Pattern.compile("stopped after round (\\d+): [^$]*?parameters SHA-256 *(\\w+)");

  @TempDir private static Path folder;
  private static DaemonCluster cluster;

  @BeforeAll
  static void startsTheCluster() throws Exception {
    DaemonCluster.assumePackaged();
    cluster = DaemonCluster.start(Kind.KERBERIZED_YARN, 1, folder);
  }

  @AfterAll
  static void takesItDown() throws Exception {
    if (cluster != null) {
      assertThat(cluster.daemons()).contains("kdc");
      assertThat(cluster.listening().keySet())
          .allMatch(socket -> socket.getAddress().isLoopbackAddress())
          .hasSizeGreaterThan(cluster.daemons().size());
      cluster.close();
      assertThat(cluster.processes()).isEmpty();
      assertThat(cluster.folder()).doesNotExist();
    }
  }

  private static List<String> asRecall() {
    return List.of(
        "--principal", cluster.answer("principal"), "--keytab", cluster.answer("keytab"));
  }

  private static String run(String name) {
    return cluster.runs() + "/" + name;
  }

  private static Submission train(
      String name, List<String> login, List<String> options, String... settings)
      throws IOException {
    List<String> all = new ArrayList<>(login);
    all.addAll(options);
    return cluster.submit(
        all, Commands.with(Configs.smallWith(settings), "train", "--run", run(name)));
  }

  private static List<String> settings(String... more) {
    List<String> settings =
        new ArrayList<>(
            List.of(
                "training.optimizer.decay=constant",
                "training.local-optimizer.decay=constant",
                "checkpoint.every-rounds=5"));
    settings.addAll(List.of(more));
    return settings;
  }

  private static Submission longRun(String name, List<String> options) throws IOException {
    List<String> settings =
        settings("stop.rounds=100000000", "stop.seconds=" + (TOKEN_SECONDS + 5));
    List<String> all = new ArrayList<>(options);
    all.addAll(cluster.pace(name).options());
    return train(name, asRecall(), all, settings.toArray(new String[0]));
  }

  @Test
  void runsOutliveTheirTicketsAndTokensAndTheirSecretsAreNowhere() throws Exception {
    Path properties =
        Secrets.properties(
            cluster,
            folder.resolve("secret.properties"),
            "spark.hadoop.fs.s3a.secret.key " + STORE_SECRET,
            "spark.authenticate true",
            "spark.network.crypto.enabled true",
            "spark.io.encryption.enabled true",
            "spark.executor.instances 1",
            "spark.eventLog.enabled true",
            "spark.eventLog.dir " + cluster.runs());
    List<String> secret = List.of("--properties-file", properties.toString());
    // Without tokens: only what the keytab gives.
    Submission local = longRun("local", List.of("--master", "local[1]"));
    Submission client = longRun("client", secret);
    Submission inCluster =
        longRun(
            "cluster",
            Stream.concat(secret.stream(), Stream.of("--deploy-mode", "cluster")).toList());
    List<String> secrets = List.of(STORE_SECRET);
    Set<String> seen = new TreeSet<>();
    await("the last run ends")
        .atMost(Duration.ofMinutes(3))
        .pollInterval(Duration.ofSeconds(1))
        .until(
            () -> {
              seen.addAll(Secrets.commandLines(cluster, secrets));
              return !inCluster.process().isAlive();
            });
    for (Submission submission : List.of(local, client, inCluster)) {
      assertThat(submission.end()).as(submission.log()).isZero();
    }
    assertThat(seen).isEmpty();
    outlivedItsTickets("local", local.log());
    outlivedItsTickets("client", client.log());
    outlivedItsTickets("cluster", containerThatSays(run("cluster")));

    // Blocks of HDFS are files of the DataNode. YARN keeps what was uploaded, for its owner alone.
    String cache = "nodes/1/usercache/recall/filecache";
    assertThat(Secrets.files(cluster.folder(), secrets))
        .isNotEmpty()
        .allMatch(file -> file.matches(cache + "/\\d+/__spark_conf__.zip/__spark_\\w+.\\w+"));
    assertThat(Files.getPosixFilePermissions(cluster.folder().resolve(cache)))
        .doesNotContain(
            PosixFilePermission.OTHERS_READ,
            PosixFilePermission.OTHERS_WRITE,
            PosixFilePermission.OTHERS_EXECUTE);
  }

  /** The log of a driver on the cluster. */
  private static String containerThatSays(String text) throws IOException {
    try (Stream<Path> files = Files.walk(cluster.logs())) {
      return files
          .filter(file -> file.getFileName().toString().equals("stdout"))
          .map(RunFiles::text)
          .filter(log -> log.contains(text))
          .findFirst()
          .orElseThrow();
    }
  }

  private static void outlivedItsTickets(String name, String log) {
    List<LocalTime> checkpoints = checkpoints(name);
    Duration between =
        Duration.between(checkpoints.get(0), checkpoints.get(checkpoints.size() - 1))
            .plusDays(1); // midnight
    assertThat(between.toSeconds() % Duration.ofDays(1).toSeconds()).isGreaterThan(TOKEN_SECONDS);

    Matcher end = END.matcher(log);
    assertThat(end.find()).as(log).isTrue();
    Path again = folder.resolve(name);
    List<String> args =
        Commands.with(
            Configs.smallWith(settings("stop.rounds=" + end.group(1)).toArray(new String[0])),
            "train",
            "--without-spark",
            "--run",
            again.toString());
    assertThat(Commands.recall(args).exitCode()).isZero();
    assertThat(end.group(2)).isEqualTo(RunFiles.parametersSha256(RunFiles.newestCheckpoint(again)));
  }

  /** When checkpoints were written, as the NameNode says. */
  private static List<LocalTime> checkpoints(String name) {
    Matcher lines =
        Pattern.compile(
                "(?m)^([0-9:]{8}) .* completeFile: /runs/" + name + "/checkpoints/\\S+ is closed")
            .matcher(RunFiles.text(cluster.logs().resolve("namenode.log")));
    return lines.results().map(line -> LocalTime.parse(line.group(1))).toList();
  }

  @Test
  void withoutALoginItEndsWithinSecondsAndSaysWhatIsMissing() throws Exception {
    String stranger = cluster.answer("stranger");
    List<String> asNobody = List.of();
    List<String> local = List.of("--master", "local[1]");
    Path simple = Files.createDirectories(folder.resolve("simple"));
    String core = RunFiles.text(cluster.folder().resolve("conf/core-site.xml"));
    Files.writeString(
        simple.resolve("core-site.xml"),
        core.replace("<value>kerberos<", "<value>simple<")
            .replace("<value>privacy<", "<value>authentication<"));
    List<String> wrong = List.of("--principal", cluster.answer("principal"), "--keytab", stranger);
    long start = System.nanoTime();
    Submission none = train("refused-none", asNobody, List.of());
    Submission notKerberos =
        train(
            "refused-simple",
            asNobody,
            List.of("--master", "local[1]", "--driver-class-path", simple.toString()));
    Submission wrongOnYarn = train("refused-wrong", wrong, List.of());
    Submission wrongOnStandalone =
        train("refused-wrong-too", wrong, List.of("--master", "spark://127.0.0.1:1"));
    List<String> asStranger =
        List.of(
            "--principal",
            cluster.answer("principal").replace("recall", "stranger"),
            "--keytab",
            stranger);
    Submission another = train("refused-another", asStranger, local);

    assertThat(none.end()).isEqualTo(1);
    assertThat(none.log())
        .contains(
            run("refused-none") + ": cannot be read: ",
            "; expected a Kerberos login, found none: give --principal and --keytab before the"
                + " verb, or run kinit")
        .doesNotContain("\tat ");
    assertThat(notKerberos.end()).isEqualTo(1);
    assertThat(notKerberos.log())
        .contains(
            run("refused-simple") + ": cannot be read: SIMPLE authentication is not enabled",
            "; it wants Kerberos, and the configuration here says simple: expected"
                + " hadoop.security.authentication = kerberos in core-site.xml of HADOOP_CONF_DIR")
        .doesNotContain("\tat ");
    String failure =
        "failure to login: for principal: "
            + cluster.answer("principal")
            + " from keytab "
            + stranger
            + " javax.security.auth.login.LoginException: Unable to obtain password from user";
    assertThat(wrongOnYarn.end()).isEqualTo(1);
    assertThat(wrongOnYarn.log()).contains(failure); // Spark's own, with a stack trace
    assertThat(wrongOnStandalone.end()).isEqualTo(1);
    assertThat(wrongOnStandalone.log()).contains("failed: " + failure).doesNotContain("\tat ");
    assertThat(another.end()).isEqualTo(1);
    assertThat(another.log())
        .contains(
            "failed: " + run("refused-another") + "/run.json: cannot be written",
            ": Permission denied: user=stranger, access=WRITE, inode=\"/")
        .doesNotContain("\tat ");
    assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(60));
    assertThat(namesOnHdfs()).doesNotContain("refused");
  }

  /** The NameNode's journal, in which paths are plain text. */
  private static String namesOnHdfs() throws IOException {
    try (Stream<Path> files = Files.list(cluster.folder().resolve("work/namenode/current"))) {
      return files
          .filter(file -> file.getFileName().toString().startsWith("edits"))
          .map(file -> new String(RunFiles.bytes(file), StandardCharsets.ISO_8859_1))
          .reduce("", String::concat);
    }
  }

  @Test
  void aStandaloneDriverLogsInWithTheKeytabToo() throws Exception {
    Submission submission =
        train(
            "standalone",
            asRecall(),
            List.of("--master", "spark://127.0.0.1:1"),
            "wait.cluster-seconds=2");
    assertThat(submission.end()).isEqualTo(1);
    // Storage has answered: nothing is written before the cluster is there.
    assertThat(submission.log())
        .contains("failed: waited 2 s for Spark to start on spark://127.0.0.1:1")
        .doesNotContain("Kerberos");
  }
}
