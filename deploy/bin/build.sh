# Sourced by the scripts beside it, behind set -euo pipefail: where the build's files are, which Java, and the build itself.

program=$(basename "$0")
root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." && pwd -P)
jar=$root/job/target/recall.jar
dl4j=$root/job/target/recall-dl4j.jar # made by mvn -Pdl4j
spark=$root/job/target/spark
java=${JAVA_HOME:+$JAVA_HOME/bin/}java

# die MESSAGE [CODE]
die() {
  echo "$program: $1" >&2
  exit "${2:-1}"
}

# Java 23 took away what the Hadoop client of Spark 3.5 logs in with.
check_java() {
  local version
  version=$("$java" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p') || true
  [[ ${version:-0} -ge 17 && $version -lt 23 ]] ||
    die "needs Java 17 to 22, as JAVA_HOME or on the PATH; $java is ${version:-not there}"
}

# build FILE: makes what the build makes, when the file is missing.
build() {
  [[ ! -e $1 ]] || return 0
  command -v mvn > /dev/null || die "$1 is missing, and Maven (mvn), which builds it, is not on the PATH"
  echo "$program: building $1; the first build downloads about 330 MB" >&2
  (cd "$root" && mvn -B -q -DskipTests package) >&2 || die "the build failed; see above"
}
