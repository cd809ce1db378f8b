package dev.recall.job.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.awaitility.Awaitility.await;

import dev.recall.job.config.Configs;
import dev.recall.job.config.RunConfig;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.OptionalInt;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(value = 30, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
class WaitsTest {

  private final List<String> lines = Collections.synchronizedList(new ArrayList<>());
  private final CountDownLatch never = new CountDownLatch(1);
  private final Waits waits = new Waits(lines::add, 0.1);

  @AfterEach
  void letItGo() {
    never.countDown();
    waits.close();
  }

  private int hang() throws InterruptedException {
    never.await();
    return 1;
  }

  @Test
  void aResultInTimeIsHandedOnWithoutAWord() {
    assertThat(waits.within(20, () -> "a number", () -> 7)).isEqualTo(7);
    assertThat(lines).isEmpty();
  }

  @Test
  void whatIsWaitedForIsToldAtEachInterval() {
    int result =
        waits.within(
            20,
            () -> "line " + lines.size(),
            () -> {
              await().until(() -> lines.size() >= 3);
              return 8;
            });
    assertThat(result).isEqualTo(8);
    assertThat(lines)
        .startsWith(
            "waiting for line 0: 0 of at most 20 s",
            "waiting for line 1: 0 of at most 20 s",
            "waiting for line 2: 0 of at most 20 s");
  }

  @Test
  void whatTakesTooLongIsNamedAndInterrupted() {
    AtomicBoolean interrupted = new AtomicBoolean();
    assertThatThrownBy(
            () ->
                waits.within(
                    0.25,
                    () -> "a number",
                    () -> {
                      try {
                        return hang();
                      } catch (InterruptedException e) {
                        interrupted.set(true);
                        throw e;
                      }
                    }))
        .isInstanceOf(Waits.WaitedTooLong.class)
        .hasMessage("waited 0 s for a number");
    assertThat(lines).hasSize(2);
    await().untilTrue(interrupted);
  }

  @Test
  void whatHeedsNoInterruptDoesNotHoldTheCaller() {
    AtomicBoolean late = new AtomicBoolean();
    assertThatThrownBy(
            () ->
                waits.within(
                    0.2,
                    () -> "a number",
                    () -> {
                      while (!late.get()) {
                        Thread.onSpinWait();
                      }
                      return 1;
                    }))
        .isInstanceOf(Waits.WaitedTooLong.class);
    late.set(true);
  }

  @Test
  void whatIsThrownComesAsItWas() {
    Rejection rejection = new Rejection(1, OptionalInt.empty(), Double.NaN, 1, 1, 0, 1);
    for (Throwable thrown :
        List.of(
            new IllegalArgumentException("of the call"),
            new NumericalException(rejection, 0),
            new Error("of the call"))) {
      assertThatThrownBy(() -> waits.within(20, () -> "a number", () -> raise(thrown)))
          .isSameAs(thrown);
    }
  }

  private static int raise(Throwable thrown) {
    if (thrown instanceof Error e) {
      throw e;
    }
    throw (RuntimeException) thrown;
  }

  @Test
  void aCheckedExceptionIsTheCause() {
    IOException thrown = new IOException("of the call");
    assertThatThrownBy(
            () ->
                waits.within(
                    20,
                    () -> "a number",
                    () -> {
                      throw thrown;
                    }))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("of the call")
        .hasCause(thrown);
  }

  @Test
  void aCallerThatIsInterruptedStopsWaitingAndStaysInterrupted() throws Exception {
    FutureTask<Boolean> caller =
        new FutureTask<>(
            () -> {
              assertThatThrownBy(() -> waits.within(20, () -> "a number", this::hang))
                  .isInstanceOf(Waits.WaitedTooLong.class)
                  .hasMessage("interrupted: a number");
              return Thread.currentThread().isInterrupted();
            });
    Thread thread = new Thread(caller);
    thread.start();
    await().until(() -> !lines.isEmpty());
    thread.interrupt();
    assertThat(((Future<Boolean>) caller).get(20, TimeUnit.SECONDS)).isTrue();
  }

  /** Shards that never end from a round on. */
  private final class Hanging implements RoundRunner {
    private final RoundRunner rounds;
    private final int from;
    private boolean closed;

    Hanging(RoundRunner rounds, int from) {
      this.rounds = rounds;
      this.from = from;
    }

    @Override
    public RoundSum run(int round, float[] parameters, float[][] localState) {
      if (round >= from) {
        try {
          hang();
        } catch (InterruptedException e) {
          throw new IllegalStateException("expected nobody to hear of it", e);
        }
      }
      return rounds.run(round, parameters, localState);
    }

    @Override
    public void use(ShardPlan plan) {
      rounds.use(plan);
    }

    @Override
    public String standing() {
      return "3 of 8 tasks done";
    }

    @Override
    public int parallelism() {
      return rounds.parallelism();
    }

    @Override
    public void close() {
      closed = true;
      rounds.close();
    }
  }

  @Test
  void aRoundThatHangsEndsTrainingAndLeavesTheStateOfTheRoundBefore() {
    RunConfig config = Configs.small("stop.rounds=6");
    TrainingState state =
        TrainingState.initial(
            config, config.initializer().initialize(config.model(), config.seed()));
    Hanging hanging = new Hanging(new LocalRounds(ShardPlan.of(config), 2), 3);
    try (RoundRunner rounds = waits.bound(hanging, 1)) {
      assertThat(rounds.parallelism()).isEqualTo(2);
      assertThatThrownBy(() -> new Trainer(config, List.of()).train(state, rounds))
          .isInstanceOf(Waits.WaitedTooLong.class)
          .hasMessage("waited 1 s for the shards of round 4, 3 of 8 tasks done");
    }
    assertThat(state.round()).isEqualTo(3);
    assertThat(hanging.closed).isTrue();
    assertThat(lines)
        .contains("waiting for the shards of round 4, 3 of 8 tasks done: 1 of at most 1 s");
  }
}
