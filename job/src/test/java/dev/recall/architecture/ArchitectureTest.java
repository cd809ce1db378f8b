package dev.recall.architecture;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.fields;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaModifier;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchRule;
import org.junit.jupiter.api.Test;

/** The borders between modules and packages, checked on the compiled classes of all modules. */
class ArchitectureTest {
  private static final JavaClasses RECALL =
      new ClassFileImporter()
          .withImportOption(new ImportOption.DoNotIncludeTests())
          .importPackages("dev.recall");

  @Test
  void datagenNeedsNothingButTheJdk() {
    check(
        noClasses()
            .that()
            .resideInAPackage("dev.recall.datagen..")
            .should()
            .dependOnClassesThat()
            .resideOutsideOfPackages("dev.recall.datagen..", "java..", "jdk.incubator.vector.."));
  }

  @Test
  void modelDoesNotKnowTheJob() {
    check(
        noClasses()
            .that()
            .resideInAPackage("dev.recall.model..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("dev.recall.job.."));
  }

  @Test
  void sparkStaysInItsPackages() {
    onlyIn(
        new String[] {"dev.recall.job.spark..", "dev.recall.job.dl4j..", "dev.recall.job.ui.."},
        "org.apache.spark..",
        "scala..");
  }

  /** Spark gives whoever writes files Hadoop's settings for them. */
  @Test
  void hadoopStaysInTheStoreAndInOutputFiles() {
    onlyIn(
        new String[] {"dev.recall.job.store..", "dev.recall.job.spark.predict.parquet.."},
        "org.apache.hadoop..");
  }

  @Test
  void parquetStaysInItsPackage() {
    onlyIn(new String[] {"dev.recall.job.spark.predict.parquet.."}, "org.apache.parquet..");
  }

  @Test
  void hoconStaysInTheConfiguration() {
    onlyIn(new String[] {"dev.recall.job.config.."}, "com.typesafe.config..");
  }

  @Test
  void dl4jStaysInItsPackages() {
    onlyIn(
        new String[] {"dev.recall.model.dl4j..", "dev.recall.job.dl4j.."},
        "org.nd4j..",
        "org.deeplearning4j..");
  }

  @Test
  void packagesFormNoCycles() {
    check(slices().matching("dev.recall.(*).(*)..").should().beFreeOfCycles());
  }

  @Test
  void nothingBelowKnowsTheCommands() {
    check(
        noClasses()
            .that()
            .resideInAPackage("dev.recall.job.*..")
            .should()
            .dependOnClassesThat()
            .resideInAPackage("dev.recall.job"));
  }

  @Test
  void noStaticFieldCanBeReassigned() {
    check(fields().that().areStatic().should().beFinal());
  }

  @Test
  void extensionPointsAreInterfacesNotAbstractClasses() {
    check(
        noClasses()
            .that()
            .areNotInterfaces()
            .and()
            .areNotEnums()
            .should()
            .haveModifier(JavaModifier.ABSTRACT));
  }

  private static void onlyIn(String[] homes, String... libraries) {
    check(
        noClasses()
            .that()
            .resideOutsideOfPackages(homes)
            .should()
            .dependOnClassesThat()
            .resideInAnyPackage(libraries));
  }

  /** Packages that do not exist yet break no rule. */
  private static void check(ArchRule rule) {
    rule.allowEmptyShould(true).check(RECALL);
  }
}
