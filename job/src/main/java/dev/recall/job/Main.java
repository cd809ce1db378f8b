package dev.recall.job;

import dev.recall.job.config.InvalidConfig;
import dev.recall.job.config.UserError;
import dev.recall.job.spark.SparkHome;
import dev.recall.job.store.Login;
import dev.recall.job.train.NumericalException;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.List;
import java.util.Optional;
import org.slf4j.LoggerFactory;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** Entry point for spark-submit: one verb, one class. */
@Command(
    name = "recall",
    description = "Trains an LSTM sequence regressor on Spark; the same seed gives the same bits.",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    synopsisSubcommandLabel = "COMMAND",
    footer = {
      "",
      "Exit codes: 0 done, 1 cluster or storage failed, 2 something given is wrong,",
      "3 loss, gradient or outputs not finite, 4 verify: the run is not what it says,",
      "130 and 143 ended by SIGINT or SIGTERM, after a checkpoint."
    })
public final class Main {

  /** Exit code when the cluster or the storage failed. */
  static final int FAILED = 1;

  /** Exit code when something the user gave is wrong. */
  static final int WRONG = 2;

  /** Exit code when loss or gradient were not finite. */
  static final int NOT_FINITE = 3;

  /** Exit code when a run is not what it says. */
  static final int NOT_REPRODUCED = 4;

  private static final List<Class<?>> VERBS =
      List.of(
          TrainCommand.class,
          PlanCommand.class,
          EvaluateCommand.class,
          ExportCommand.class,
          PredictCommand.class,
          VerifyCommand.class,
          RetrainCommand.class,
          ModelsCommand.class,
          GenerateCommand.class,
          ConfigCommand.class);

  private Main() {}

  /**
   * Runs a verb. Ends the JVM with the exit code when it is not 0.
   *
   * @param args the verb and its options
   */
  public static void main(String[] args) {
    int exitCode = run(new PrintWriter(System.out, true), new PrintWriter(System.err, true), args);
    if (exitCode != 0) {
      System.exit(exitCode);
    }
  }

  /**
   * Runs a verb.
   *
   * @param out receives results
   * @param err receives progress and errors
   * @param args the verb and its options
   * @return the exit code
   */
  public static int run(PrintWriter out, PrintWriter err, String... args) {
    CommandLine commands = commands(args);
    commands.setOut(out).setErr(err);
    commands.setExecutionExceptionHandler((e, command, parsed) -> report(e, err));
    if (args.length == 0) {
      commands.usage(out);
      return WRONG;
    }
    try {
      login();
      return commands.execute(args);
    } catch (IOException e) {
      return report(e, err);
    } catch (OutOfMemoryError e) {
      err.println("failed: " + e + "; give the driver more (--driver-memory) or use less");
      return FAILED;
    }
  }

  /**
   * The verb that the arguments begin with, or all verbs when they begin with none. Making all
   * takes a JVM 0.2 s at its start.
   */
  static CommandLine commands(String... args) {
    CommandLine commands = new CommandLine(new Main());
    String first = args.length == 0 ? "" : args[0];
    List<Class<?>> named = VERBS.stream().filter(verb -> name(verb).equals(first)).toList();
    (named.isEmpty() ? VERBS : named).forEach(commands::addSubcommand);
    return commands.addSubcommand(CommandLine.HelpCommand.class);
  }

  private static String name(Class<?> verb) {
    return verb.getAnnotation(Command.class).name();
  }

  private static void login() throws IOException {
    Optional<String> principal = SparkHome.setting("spark.kerberos.principal");
    Optional<String> keytab = SparkHome.setting("spark.kerberos.keytab");
    if (principal.isPresent() && keytab.isPresent()) {
      Login.withKeytab(principal.get(), keytab.get());
    }
  }

  /** The exit code of a verb that ends so. */
  static int exitCode(Exception e) {
    boolean given = e instanceof UserError || e instanceof InvalidConfig;
    if (given || e instanceof IllegalArgumentException) {
      return WRONG;
    }
    return e instanceof NumericalException ? NOT_FINITE : FAILED;
  }

  private static int report(Exception e, PrintWriter err) {
    int exitCode = exitCode(e);
    if (exitCode != FAILED) {
      err.println(e.getMessage());
      return exitCode;
    }
    Throwable cause = e;
    while (cause.getCause() != null) {
      cause = cause.getCause();
    }
    String message = String.valueOf(e.getMessage()).strip();
    String last = String.valueOf(cause.getMessage()).lines().findFirst().orElse("");
    // A server's exception has its stack trace in its message.
    boolean told = cause == e || message.contains(last);
    String line = cause.toString().lines().findFirst().orElse("");
    err.println("failed: " + message + (told ? "" : "; cause: " + line));
    LoggerFactory.getLogger(Main.class).debug("failed", e);
    return FAILED;
  }
}
