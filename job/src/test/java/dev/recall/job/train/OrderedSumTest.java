package dev.recall.job.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.recall.job.config.Configs;
import dev.recall.job.config.RunConfig;
import dev.recall.model.GradientSum;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class OrderedSumTest {

  private static final int MOST_SHARDS = 40;

  static IntStream shardCounts() {
    return IntStream.rangeClosed(1, MOST_SHARDS);
  }

  /** The contribution of one shard, always the same, of sizes whose sum depends on the order. */
  private static GradientSum contribution(int shard) {
    Random random = new Random(shard);
    GradientSum sum = new GradientSum(7);
    for (int i = 0; i < 7; i++) {
      sum.vector()[i] = (float) (random.nextGaussian() * Math.pow(10, random.nextInt(8)));
    }
    sum.addLoss(random.nextGaussian() * 1e3, random.nextDouble());
    return sum;
  }

  private static OrderedSum range(int from, int to) {
    OrderedSum sum = new OrderedSum();
    for (int shard = from; shard < to; shard++) {
      sum.add(shard, contribution(shard));
    }
    return sum;
  }

  /** Sums groups of these sizes apart, then the groups. */
  private static GradientSum grouped(List<Integer> sizes) {
    OrderedSum all = new OrderedSum();
    int from = 0;
    for (int size : sizes) {
      range(from, from + size).nodes().forEach(all::add);
      from += size;
    }
    return all.total(from);
  }

  private static void assertSameBits(GradientSum found, GradientSum expected, Object how) {
    assertThat(found.vector()).as("vector of %s", how).isEqualTo(expected.vector());
    assertThat(found.loss()).as("loss of %s", how).isEqualTo(expected.loss());
    assertThat(found.weight()).as("weight of %s", how).isEqualTo(expected.weight());
  }

  private static List<Integer> randomSizes(int shards, Random random) {
    List<Integer> sizes = new ArrayList<>();
    for (int left = shards; left > 0; left -= sizes.get(sizes.size() - 1)) {
      sizes.add(1 + random.nextInt(left));
    }
    Collections.shuffle(sizes, random);
    return sizes;
  }

  @Test
  void everyContiguousGroupingOfUpToTenShardsGivesTheSameBits() {
    for (int shards = 1; shards <= 10; shards++) {
      GradientSum expected = range(0, shards).total(shards);
      for (int cuts = 0; cuts < 1 << (shards - 1); cuts++) {
        List<Integer> sizes = new ArrayList<>(List.of(1));
        for (int shard = 1; shard < shards; shard++) {
          int last = sizes.size() - 1;
          if ((cuts >> (shard - 1) & 1) == 1) {
            sizes.add(1);
          } else {
            sizes.set(last, sizes.get(last) + 1);
          }
        }
        assertSameBits(grouped(sizes), expected, sizes);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("shardCounts")
  void randomGroupingsGiveTheSameBits(int shards) {
    Random random = new Random(4711 + shards);
    GradientSum expected = range(0, shards).total(shards);
    for (int draw = 0; draw < 100; draw++) {
      List<Integer> sizes = randomSizes(shards, random);
      assertSameBits(grouped(sizes), expected, sizes);
    }
  }

  @Test
  void theOrderOfTheSummandsWouldOtherwiseShow() {
    GradientSum leftToRight = new GradientSum(7);
    for (int shard = 0; shard < MOST_SHARDS; shard++) {
      leftToRight.add(contribution(shard));
    }
    assertThat(leftToRight.vector())
        .isNotEqualTo(range(0, MOST_SHARDS).total(MOST_SHARDS).vector());
  }

  @ParameterizedTest
  @MethodSource("shardCounts")
  void tasksMayArriveInAnyOrder(int shards) {
    RunConfig config = Configs.small("training.shards=" + shards, "task.batch-size=1");
    ShardPass pass = new ShardPass(ShardPlan.of(config));
    float[] parameters = config.initializer().initialize(config.model(), 1);
    GradientSum expected =
        TaskResult.merge(results(pass, parameters, List.of(shards)), shards).sum();
    Random random = new Random(shards);
    for (int draw = 0; draw < 5; draw++) {
      List<Integer> sizes = randomSizes(shards, random);
      List<TaskResult> results = results(pass, parameters, sizes);
      Collections.shuffle(results, random);
      assertSameBits(TaskResult.merge(results, shards).sum(), expected, sizes);
    }
  }

  @ParameterizedTest
  @MethodSource("shardCounts")
  void slicesThatAreMergedApartAndPutTogetherHaveTheSameBits(int shards) {
    RunConfig config = Configs.small("training.shards=" + shards, "task.batch-size=1");
    ShardPass pass = new ShardPass(ShardPlan.of(config));
    float[] parameters = config.initializer().initialize(config.model(), 1);
    RoundSum expected = TaskResult.merge(results(pass, parameters, List.of(shards)), shards);
    Random random = new Random(shards);
    for (int slices : new int[] {1, 2, 3, 7, parameters.length, parameters.length + 1}) {
      List<Integer> sizes = randomSizes(shards, random);
      List<TaskResult> whole = results(pass, parameters, sizes);
      List<TaskResult> merged = new ArrayList<>();
      for (int slice = 0; slice < slices; slice++) {
        List<TaskResult> ofTasks = new ArrayList<>();
        for (TaskResult result : whole) {
          ofTasks.add(result.slice(slice, slices));
        }
        Collections.shuffle(ofTasks, random);
        merged.add(TaskResult.merged(ofTasks, shards));
      }
      RoundSum found = TaskResult.joined(merged);
      assertSameBits(found.sum(), expected.sum(), slices + " slices of " + sizes);
      assertThat(found.shardDigests()).isEqualTo(expected.shardDigests());
      assertThat(found.shardNotFinite()).isEqualTo(expected.shardNotFinite());
      assertThat(found.busyNanos()).isPositive();
    }
  }

  @Test
  void theFirstShardThatIsNotFiniteIsNamedWhicheverSliceItIsIn() {
    RunConfig config = Configs.small("training.shards=4");
    ShardPass pass = new ShardPass(ShardPlan.of(config));
    float[] parameters = config.initializer().initialize(config.model(), 1);
    parameters[parameters.length - 1] = Float.NaN;
    List<TaskResult> whole = results(pass, parameters, List.of(1, 3));
    List<TaskResult> merged = new ArrayList<>();
    for (int slice = 0; slice < 3; slice++) {
      int index = slice;
      List<TaskResult> ofTasks = whole.stream().map(result -> result.slice(index, 3)).toList();
      merged.add(TaskResult.merged(ofTasks, 4));
    }
    assertThat(TaskResult.joined(merged).shardNotFinite()).hasValue(0);
  }

  private static List<TaskResult> results(ShardPass pass, float[] parameters, List<Integer> sizes) {
    List<TaskResult> results = new ArrayList<>();
    int from = 0;
    for (int size : sizes) {
      List<Integer> shards = IntStream.range(from, from + size).boxed().toList();
      results.add(result(pass, parameters, shards));
      from += size;
    }
    // Spark makes partitions without a shard when there are more tasks than shards.
    results.add(result(pass, parameters, List.of()));
    return results;
  }

  private static TaskResult result(ShardPass pass, float[] parameters, List<Integer> shards) {
    return TaskResult.of(shards, shard -> pass.run(parameters, new float[0][], 3, shard));
  }

  @Test
  void aTaskSendsAtMostTwiceTheLogarithmOfItsShardsInNodes() {
    for (int from = 0; from < 64; from++) {
      for (int count = 1; count <= 200; count++) {
        int log2 = 31 - Integer.numberOfLeadingZeros(count);
        assertThat(range(from, from + count).nodes().size())
            .as("nodes of shards %d to %d", from, from + count - 1)
            .isLessThanOrEqualTo(Math.max(1, 2 * log2));
      }
    }
  }

  @Test
  void aMissingShardIsAnError() {
    OrderedSum gap = range(0, 2);
    assertThatThrownBy(() -> gap.add(3, contribution(3)))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("shard sums: expected shard 2 next, found 3");
    assertThatThrownBy(() -> range(0, 7).total(8))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage(
            "shard sums: expected shards 0 to 7,"
                + " found [shards 0 to 3, shards 4 to 5, shards 6 to 6]");
    assertThatThrownBy(() -> range(1, 8).total(8))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageStartingWith("shard sums: expected shards 0 to 7, found [shards 1 to 1,");
    assertThatThrownBy(() -> new OrderedSum().total(1))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("shard sums: expected shards 0 to 0, found []");
  }

  @Test
  void aShardThatIsThereTwiceIsAnError() {
    OrderedSum sum = range(0, 3);
    assertThatThrownBy(() -> sum.add(2, contribution(2)))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("shard sums: expected shard 3 next, found 2");
    assertThatThrownBy(() -> range(0, 9).total(8)).isInstanceOf(IllegalStateException.class);
  }
}
