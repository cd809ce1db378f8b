package dev.recall.job;

import dev.recall.job.audit.NotReproduced;
import dev.recall.job.audit.RoundChoice;
import dev.recall.job.audit.Verification;
import dev.recall.job.spark.SparkHome;
import dev.recall.job.store.RunReader;
import dev.recall.job.store.Storage;
import java.io.IOException;
import java.io.PrintWriter;
import java.security.SecureRandom;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code recall verify}. */
@Command(
    name = "verify",
    description =
        "Holds a run to what it says: its files agree with its hash chain, and its rounds, computed"
            + " again on threads of this JVM, give the same bits. Exit code 4 when they do not.",
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    sortOptions = false)
final class VerifyCommand implements Callable<Integer> {

  @Spec private CommandSpec spec;

  @Parameters(
      paramLabel = "RUN",
      description = "A run directory; without a scheme on Hadoop's default file system.")
  private String run;

  @Option(
      names = "--rounds",
      paramLabel = "ROUNDS",
      defaultValue = "all",
      description =
          "Which to compute again: all, a round or a range such as 31-40, or a share such as 1%%,"
              + " drawn at random; each from the checkpoint before it. Default all.")
  private String rounds;

  @Option(
      names = "--sample-seed",
      paramLabel = "SEED",
      description = "Draws the share of a verification before, which said its seed.")
  private Long sampleSeed;

  @Option(
      names = "--threads",
      paramLabel = "N",
      description = "Threads to compute on; default one per core. No effect on the bits.")
  private Integer threads;

  @Override
  public Integer call() throws IOException {
    PrintWriter out = spec.commandLine().getOut();
    Storage storage = new Storage(SparkHome.hadoopSettings());
    RunReader reader = new RunReader(storage, storage.qualify(run));
    long seed = sampleSeed != null ? sampleSeed : new SecureRandom().nextInt(Integer.MAX_VALUE);
    RoundChoice choice = new RoundChoice(rounds, seed);
    if (choice.isSample()) {
      out.println("sample seed " + seed);
    }
    int onThreads = threads != null ? threads : Runtime.getRuntime().availableProcessors();
    try {
      Verification.Verified verified =
          new Verification(reader, Math.max(1, onThreads), HeldOut::evaluate, out::println)
              .verify(choice);
      out.printf(
          Locale.ROOT,
          "%d of %d rounds computed again, %d with those between, in %.1f s: the same bits%n",
          verified.chosen(),
          verified.rounds(),
          verified.computed(),
          verified.seconds());
      out.println("verified            " + reader.path());
      out.println("parameters SHA-256  " + verified.parametersSha256());
      out.println("chain               " + verified.chain());
      return 0;
    } catch (NotReproduced e) {
      spec.commandLine().getErr().println(reader.path() + ": not verified: " + e.getMessage());
      return Main.NOT_REPRODUCED;
    }
  }
}
