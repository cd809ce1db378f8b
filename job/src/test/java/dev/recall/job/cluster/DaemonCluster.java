package dev.recall.job.cluster;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.recall.job.ClassArchive;
import dev.recall.job.Commands;
import dev.recall.job.RunFiles;
import dev.recall.job.cluster.pace.Pace;
import dev.recall.job.config.Configs;
import java.io.BufferedReader;
import java.io.File;
import java.io.IOException;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.LongFunction;
import java.util.stream.Stream;
import org.apache.commons.io.FileUtils;

/**
 * A cluster of real daemons on loopback, which {@code deploy/bin/cluster} brings up as a child of
 * this JVM. It ends with the JVM, however that ends, and so does everything that was submitted.
 */
final class DaemonCluster implements AutoCloseable {

  /** What {@code deploy/bin/cluster} can bring up. */
  enum Kind {
    STANDALONE("standalone"),
    /** With a secret and encryption. */
    SECRET_STANDALONE("--authenticate", "standalone"),
    YARN("yarn"),
    /** HDFS and YARN with Kerberos, and tickets of {@link #TICKET_SECONDS}. */
    KERBERIZED_YARN("--kerberos", "--ticket-seconds", "" + TICKET_SECONDS, "yarn");

    private final List<String> arguments;

    Kind(String... arguments) {
      this.arguments = List.of(arguments);
    }
  }

  /** How long a ticket lasts; a delegation token lasts twice as long unless it is renewed. */
  static final int TICKET_SECONDS = 10;

  /** Carried by every process of the cluster, with its folder as value. */
  private static final String MARKER = "RECALL_CLUSTER";

  /** Short runs are over before a second compiler pays; nobody forges the classes of a test. */
  private static final String CHEAP =
      "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:+UnlockDiagnosticVMOptions"
          + " -XX:-BytecodeVerificationRemote";

  /** The same for who has Spark's class path, and no other before it. */
  private static final class OnSpark {
    static final String CHEAP = DaemonCluster.CHEAP + " " + archive();

    private static String archive() {
      try {
        Path jars = root().resolve("job/target/spark/jars");
        return String.join(
            " ", ClassArchive.options("spark", List.of(jars), DaemonCluster::writeArchive));
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  private static void writeArchive(Path file) throws IOException, InterruptedException {
    Path folder = Files.createTempDirectory("recall-class-archive");
    try {
      String run = folder.resolve("run").toString();
      ProcessBuilder recall =
          builder(
              List.of(),
              List.of("--master", "local[2]", "--conf", "spark.ui.enabled=false"),
              Commands.with(Configs.smallWith(), "train", "--run", run));
      recall.environment().put("SPARK_SUBMIT_OPTS", CHEAP + " -XX:ArchiveClassesAtExit=" + file);
      ClassArchive.run(recall, folder.resolve("log"));
    } finally {
      FileUtils.deleteDirectory(folder.toFile());
    }
  }

  private static final String DRIVER_OPTIONS = "spark.driver.extraJavaOptions";

  private static final int END_SECONDS = 30;

  private final Process script;
  private final Path errors;
  private final List<String> inNetwork;
  private final Map<String, String> environment = new HashMap<>();
  private final Map<String, String> answers = new HashMap<>();
  private final Queue<Submission> submissions = new ConcurrentLinkedQueue<>();

  private DaemonCluster(Process script, Path errors, List<String> inNetwork) {
    this.script = script;
    this.errors = errors;
    this.inNetwork = inNetwork;
  }

  /** Options of JVMs that have Spark's class path, and no other before it. */
  static String cheapOnSpark() {
    return OnSpark.CHEAP;
  }

  /** Skips a test class where the jar may be an old one: outside the phase integration-test. */
  static void assumePackaged() {
    assumeTrue(Boolean.getBoolean("recall.packaged"), "the jar may be an old one");
  }

  /**
   * Starts a cluster and waits until all its daemons serve.
   *
   * @param folder where logs of the script and of submissions go; the cluster's own folder is in it
   * @throws IllegalStateException with what the script said, when a daemon does not start
   */
  static DaemonCluster start(Kind kind, int workers, Path folder) throws IOException {
    return start(kind, workers, folder, List.of(), pid -> List.of());
  }

  /** The same in a network of its own, where {@link Namespaces} can make one. */
  static DaemonCluster startInOwnNetwork(Kind kind, int workers, Path folder) throws IOException {
    return start(kind, workers, folder, Namespaces.OWN_NETWORK, Namespaces::inNetworkOf);
  }

  private static DaemonCluster start(
      Kind kind,
      int workers,
      Path folder,
      List<String> wrapper,
      LongFunction<List<String>> inNetworkOf)
      throws IOException {
    String name = kind.name().toLowerCase(Locale.ROOT);
    Path errors = Files.createTempFile(folder, name, ".log");
    ProcessBuilder builder = script(root(), "--workers", Integer.toString(workers));
    builder.command().addAll(kind.arguments);
    builder.command().addAll(0, wrapper);
    builder.environment().put("TMPDIR", folder.toString());
    builder.environment().put("CLUSTER_JVM_OPTIONS", OnSpark.CHEAP);
    Process script = builder.redirectError(errors.toFile()).start();
    DaemonCluster cluster = new DaemonCluster(script, errors, inNetworkOf.apply(script.pid()));
    cluster.awaitReady();
    return cluster;
  }

  /** {@code deploy/bin/cluster} of a checkout. */
  static ProcessBuilder script(Path checkout, String... args) {
    List<String> command = new ArrayList<>();
    command.add(checkout.resolve("deploy/bin/cluster").toString());
    command.addAll(List.of(args));
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
    return builder;
  }

  private void awaitReady() throws IOException {
    BufferedReader lines = script.inputReader(StandardCharsets.UTF_8);
    String line = lines.readLine();
    while (line != null && !line.equals("ready")) {
      String[] words = line.split("[ =]", 3);
      if (words[0].equals("export")) {
        environment.put(words[1], words[2]);
      } else {
        words = line.split(" ", 2);
        answers.put(words[0], words[1]);
      }
      line = lines.readLine();
    }
    if (line == null) {
      int code = script.onExit().join().exitValue();
      throw new IllegalStateException("exit code " + code + ": " + RunFiles.text(errors));
    }
  }

  /** The checkout. */
  static Path root() {
    Path at = Path.of("").toAbsolutePath();
    while (!Files.exists(at.resolve("deploy/bin/cluster"))) {
      at = at.getParent();
    }
    return at;
  }

  /** The process of {@code deploy/bin/cluster}. */
  Process script() {
    return script;
  }

  /** The cluster's own folder, there as long as it is up. */
  Path folder() {
    return Path.of(answers.get("folder"));
  }

  /** Logs of the daemons, and on YARN of the containers. */
  Path logs() {
    return Path.of(answers.get("logs"));
  }

  /** A folder for run directories, without a slash at its end: on HDFS, with YARN. */
  String runs() {
    return answers.get("runs");
  }

  /** What the script says by a name: with Kerberos {@code principal}, {@code keytab} and more. */
  String answer(String name) {
    return answers.get(name);
  }

  /** What the script gives to a shell, for example {@code SPARK_MASTER}. */
  String environment(String name) {
    return environment.get(name);
  }

  /** Names of the daemons: {@code worker-1}, {@code namenode} and the like. */
  List<String> daemons() {
    return RunFiles.names(Path.of(answers.get("pids"))).stream()
        .map(name -> name.replaceFirst("\\.pid$", ""))
        .toList();
  }

  /** The process of a daemon; fails when it is gone. */
  ProcessHandle daemon(String name) {
    Path file = Path.of(answers.get("pids"), name + ".pid");
    return ProcessHandle.of(Long.parseLong(RunFiles.text(file).strip())).orElseThrow();
  }

  /** A daemon that was killed: how it was started. */
  record Killed(String name, List<String> command, List<String> environment) {}

  /** Kills a daemon, so that it can be started again. */
  Killed kill(String name) {
    ProcessHandle daemon = daemon(name);
    Killed killed = new Killed(name, proc(daemon, "cmdline"), proc(daemon, "environ"));
    daemon.destroyForcibly();
    daemon.onExit().join();
    return killed;
  }

  /**
   * Starts a daemon again, and waits until it serves.
   *
   * @param serves what its log says then
   * @param wrapper a command that runs the daemon as its arguments; empty for none
   * @param more arguments that come last and win
   */
  void startAgain(Killed killed, String serves, List<String> wrapper, String... more)
      throws IOException {
    Path log = Files.createTempFile(logs(), killed.name + "-", ".log");
    List<String> command = new ArrayList<>(inNetwork);
    command.addAll(wrapper);
    command.addAll(killed.command);
    command.addAll(List.of(more));
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().clear();
    for (String entry : killed.environment) {
      String[] parts = entry.split("=", 2);
      builder.environment().put(parts[0], parts[1]);
    }
    builder.redirectErrorStream(true).redirectOutput(log.toFile());
    Process daemon = builder.redirectInput(new File("/dev/null")).start();
    Files.writeString(
        Path.of(answers.get("pids"), killed.name + ".pid"), Long.toString(daemon.pid()));
    await(killed.name + " serves")
        .atMost(Duration.ofMinutes(3))
        .until(() -> RunFiles.text(log).contains(serves) || !daemon.isAlive());
    assertThat(daemon.isAlive()).as(RunFiles.text(log)).isTrue();
  }

  /** JVMs of this cluster, without those submitted from here, whose command line has the text. */
  List<ProcessHandle> jvms(String text) {
    return processes().stream()
        .filter(process -> process.info().command().orElse("").endsWith("/java"))
        .filter(process -> commandLine(process).contains(text))
        .filter(process -> submissions.stream().noneMatch(sent -> sent.is(process)))
        .toList();
  }

  /** Executors of all applications. */
  List<ProcessHandle> executors() {
    return jvms("CoarseGrainedExecutorBackend");
  }

  /** Executors that have begun a task. */
  List<ProcessHandle> executorsAtWork() {
    return executors().stream().filter(executor -> works(executor)).toList();
  }

  /** By its standard error: on YARN a file, else what a Worker writes for it. */
  private static boolean works(ProcessHandle executor) {
    Path of = Path.of("/proc", Long.toString(executor.pid()));
    try {
      Path worker = of.resolve("cwd/stderr");
      Path log = Files.exists(worker) ? worker : of.resolve("fd/2");
      return Files.readString(log).contains(" has the plain engine");
    } catch (IOException e) {
      return false; // begins or ends
    }
  }

  /** Drivers that run on the cluster, and YARN's application masters of client mode. */
  List<ProcessHandle> masters() {
    List<ProcessHandle> masters = new ArrayList<>(jvms("org.apache.spark.deploy.worker.Driver"));
    masters.addAll(jvms("org.apache.spark.deploy.yarn.ApplicationMaster"));
    masters.addAll(jvms("org.apache.spark.deploy.yarn.ExecutorLauncher"));
    return masters;
  }

  /** Every process of the cluster that lives, and of what was submitted. */
  List<ProcessHandle> processes() {
    return processes(folder());
  }

  /** Every process of the cluster with this folder. */
  static List<ProcessHandle> processes(Path folder) {
    String marker = MARKER + "=" + folder;
    return ProcessHandle.allProcesses()
        .filter(process -> proc(process, "environ").contains(marker))
        .toList();
  }

  /** The command of a process and its arguments; empty when it is gone. */
  static String commandLine(ProcessHandle process) {
    return String.join(" ", proc(process, "cmdline"));
  }

  /** A file of records that end with a zero byte; none when the process is gone or not ours. */
  private static List<String> proc(ProcessHandle process, String file) {
    try {
      Path path = Path.of("/proc", Long.toString(process.pid()), file);
      return List.of(new String(Files.readAllBytes(path), StandardCharsets.UTF_8).split("\0"));
    } catch (IOException e) {
      return List.of();
    }
  }

  /** Where the cluster's processes listen, with the number of the socket. */
  Map<InetSocketAddress, String> listening() throws IOException {
    return listening(processes());
  }

  /** Where these processes listen, with the number of the socket. */
  static Map<InetSocketAddress, String> listening(List<ProcessHandle> processes)
      throws IOException {
    Set<String> sockets = new HashSet<>();
    for (ProcessHandle process : processes) {
      for (Path file : files(Path.of("/proc", Long.toString(process.pid()), "fd"))) {
        sockets.add(link(file).replaceFirst("^socket:\\[(\\d+)]$", "$1"));
      }
    }
    Map<InetSocketAddress, String> listening = everyoneListening();
    listening.values().retainAll(sockets);
    return listening;
  }

  /** Where anyone listens, with the number of the socket. */
  static Map<InetSocketAddress, String> everyoneListening() throws IOException {
    Map<InetSocketAddress, String> listening = new HashMap<>();
    for (String table : List.of("/proc/net/tcp", "/proc/net/tcp6")) {
      for (String line : RunFiles.text(Path.of(table)).lines().skip(1).toList()) {
        String[] fields = line.strip().split(" +");
        if (fields[3].equals("0A")) {
          listening.put(address(fields[1]), fields[9]);
        }
      }
    }
    return listening;
  }

  /** A port of 127.0.0.1 that nobody listens on now. */
  static int freePort() {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static List<Path> files(Path folder) {
    try (Stream<Path> files = Files.list(folder)) {
      return files.toList();
    } catch (IOException | UncheckedIOException e) {
      return List.of(); // the process is gone
    }
  }

  private static String link(Path file) {
    try {
      return Files.readSymbolicLink(file).toString();
    } catch (IOException e) {
      return "";
    }
  }

  /** Words of four bytes in hexadecimal, the lowest first, a colon and the port. */
  private static InetSocketAddress address(String hex) throws IOException {
    String[] parts = hex.split(":");
    byte[] bytes = HexFormat.of().parseHex(parts[0]);
    ByteBuffer words = ByteBuffer.wrap(bytes);
    ByteBuffer turned = ByteBuffer.allocate(bytes.length).order(ByteOrder.LITTLE_ENDIAN);
    while (words.hasRemaining()) {
      turned.putInt(words.getInt());
    }
    return new InetSocketAddress(
        InetAddress.getByAddress(turned.array()), Integer.parseInt(parts[1], 16));
  }

  /** Sends a signal, for example {@code STOP}. */
  static void signal(String name, ProcessHandle process) throws IOException, InterruptedException {
    String pid = Long.toString(process.pid());
    int code = new ProcessBuilder("kill", "-s", name, pid).inheritIO().start().waitFor();
    if (code != 0) {
      throw new IllegalStateException("kill -s " + name + " " + pid + ": exit code " + code);
    }
  }

  /**
   * Runs {@code deploy/bin/recall} on this cluster, with its {@code spark.properties} and the plain
   * engine on executors.
   *
   * @param sparkOptions options before the verb, which win
   * @param recallArgs the verb and all behind it
   */
  Submission submit(List<String> sparkOptions, List<String> recallArgs) throws IOException {
    Path properties = folder().resolve("conf/spark.properties");
    List<String> options = new ArrayList<>(List.of("--properties-file", properties.toString()));
    options.addAll(
        Submission.conf(
            "spark.ui.enabled=false",
            "spark.executor.extraJavaOptions=" + OnSpark.CHEAP,
            DRIVER_OPTIONS + "=" + driverOptions(properties) + OnSpark.CHEAP));
    if (environment.containsKey("HADOOP_CONF_DIR")) {
      String jars = root() + "/job/target/spark/conf/:" + root() + "/job/target/spark/jars/*";
      options.addAll(
          Submission.conf(
              "spark.yarn.am.extraJavaOptions=" + OnSpark.CHEAP,
              // Else the folders of a container come first, and the archive does not fit.
              "spark.executor.extraClassPath=" + jars,
              "spark.driver.extraClassPath=" + jars));
    }
    options.addAll(sparkOptions);
    Map<String, String> all = new HashMap<>(environment);
    all.put(MARKER, folder().toString());
    all.put("SPARK_DIST_CLASSPATH", pacedFileSystems()); // behind Spark's jars
    Submission submission =
        recall(inNetwork, options, recallArgs, all, errors.resolveSibling("submitted"));
    submissions.add(submission);
    return submission;
  }

  /** What drivers need on a cluster, with a space behind it. */
  private static String driverOptions(Path file) throws IOException {
    Properties properties = new Properties();
    try (Reader reader = Files.newBufferedReader(file)) {
      properties.load(reader);
    }
    return properties.getProperty(DRIVER_OPTIONS, "") + " ";
  }

  /** Runs {@code deploy/bin/recall} without a cluster. */
  static Submission local(List<String> sparkOptions, List<String> recallArgs, Path folder)
      throws IOException {
    return recall(List.of(), sparkOptions, recallArgs, Map.of(), folder.resolve("local"));
  }

  private static Submission recall(
      List<String> wrapper,
      List<String> sparkOptions,
      List<String> recallArgs,
      Map<String, String> environment,
      Path folder)
      throws IOException {
    Files.createDirectories(folder);
    ProcessBuilder builder = builder(wrapper, sparkOptions, recallArgs);
    builder.environment().putAll(environment);
    builder
        .environment()
        .merge(
            "SPARK_SUBMIT_OPTS",
            OnSpark.CHEAP + " -Djava.io.tmpdir=" + folder,
            (clusters, ours) -> clusters + " " + ours);
    Path log = Files.createTempFile(folder, "recall", ".log");
    builder.redirectInput(new File("/dev/null"));
    builder.redirectErrorStream(true).redirectOutput(log.toFile());
    return new Submission(builder.start(), log);
  }

  private static ProcessBuilder builder(
      List<String> wrapper, List<String> sparkOptions, List<String> recallArgs) {
    List<String> command = new ArrayList<>(wrapper);
    command.add(root().resolve("deploy/bin/recall").toString());
    command.addAll(sparkOptions);
    command.addAll(recallArgs);
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().keySet().removeIf(name -> name.matches("(SPARK|HADOOP|YARN)_.*"));
    builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
    return builder;
  }

  /** The pace of a run on this cluster, slow from now on. */
  Pace pace(String run) throws IOException {
    return new Pace(folder().resolve("work/" + run + ".slow"));
  }

  /** A jar of the file systems that keep a pace. */
  static String pacedFileSystems() {
    try {
      Path classes = root().resolve("job/target/test-classes");
      return ClassArchive.jar(classes, "dev/recall/job/cluster/pace").toString();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Ends everything that was submitted. */
  void endSubmissions() {
    submissions.forEach(Submission::close);
  }

  /** Takes the cluster down, and everything that was submitted. */
  @Override
  public void close() throws IOException {
    endSubmissions();
    script.getOutputStream().close();
    try {
      if (!script.waitFor(END_SECONDS, TimeUnit.SECONDS)) {
        throw new IllegalStateException("deploy/bin/cluster does not end");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
