package dev.recall.job.dl4j;

import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.ExtensionContext;

/** Skips a test, and prints why, where the build has no natives of ND4J. */
@Retention(RetentionPolicy.RUNTIME)
@ExtendWith(NeedsDl4j.Condition.class)
public @interface NeedsDl4j {

  /** Looks at the platform, so that missing natives fail the test where there should be some. */
  final class Condition implements ExecutionCondition {
    @Override
    public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
      String platform = System.getProperty("os.name") + " on " + System.getProperty("os.arch");
      if (platform.equals("Linux on amd64")) {
        return ConditionEvaluationResult.enabled(platform);
      }
      String reason = "the build has Deeplearning4j's natives for Linux on amd64, not " + platform;
      System.out.println(context.getDisplayName() + ": skipped, " + reason);
      return ConditionEvaluationResult.disabled(reason);
    }
  }
}
