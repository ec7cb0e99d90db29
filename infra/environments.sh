# shellcheck shell=bash
# What the commands of infra/ share: where things are, what the machine must have, and how an environment is made.
# Sourced, never run. Every command starts with the two lines
#     set -euo pipefail
#     source "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/environments.sh"
# Exit codes are the jobs': 2 wrong use or a machine that lacks something, 5 infrastructure (disk, network).
#
# Variables of the caller that are respected:
#   SHORTLIST_HOME          all local state (default: .shortlist/ in the checkout)
#   SHORTLIST_MIN_FREE_GB   free disk asked for before anything is made (default 6; both environments take 3)
#   JAVA_HOME               a Java 17; without it, java on PATH, then a Debian Java 17 under /usr/lib/jvm
#   SPARK_DRIVER_MEMORY     overrides the 4g of infra/spark/local/spark-defaults.conf
#   SHORTLIST_SPARK_CONF    Spark's settings file (default: infra/spark/local/spark-defaults.conf); infra/spark/standalone/start and
#                           infra/spark/yarn/settings make one
#   SHORTLIST_SPARK_SLOTS   Spark jobs that Airflow may run at once (default 1: a driver takes 4g and all cores)

INFRA=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")" && pwd -P)
CHECKOUT=$(dirname "$INFRA")
export SHORTLIST_HOME=${SHORTLIST_HOME:-$CHECKOUT/.shortlist}
[[ $SHORTLIST_HOME == /* ]] || SHORTLIST_HOME=$PWD/$SHORTLIST_HOME
ENVIRONMENTS=$SHORTLIST_HOME/envs
LOGS=$SHORTLIST_HOME/logs
JOBS=$ENVIRONMENTS/jobs
PYSPARK=$JOBS/lib/python3.11/site-packages/pyspark

refuse() { # CODE WHAT: say why nothing more happens, and leave
  printf 'error: %s\n' "$2" >&2
  exit "$1"
}

require_number() { # NAME VALUE LEAST: of an argument of the command
  [[ $2 =~ ^[0-9]{1,6}$ ]] && ((10#$2 >= $3)) || refuse 2 "$1 is '$2', not a number from $3 on; next: ${0#"$CHECKOUT"/} --help"
}

require_size() { # NAME VALUE: of memory
  [[ $2 =~ ^[1-9][0-9]*[mg]$ ]] || refuse 2 "$1 is '$2', no size; next: write it as 1500m or 4g"
}

print_usage() { # the comment that a command begins with
  sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p;}' "$(readlink -f "$0")"
}

STEPS=0
STEP=0

step() { # WHAT: one line of progress, numbered of $STEPS
  STEP=$((STEP + 1))
  printf '[%3d s] %d/%d %s\n' "$SECONDS" "$STEP" "$STEPS" "$1"
}

# --- What the machine must have --------------------------------------------------------------------------------------

find_python() { # sets PYTHON
  local candidate found=''
  for candidate in python3.11 python3; do
    command -v "$candidate" >/dev/null || continue
    found=$("$candidate" -c 'import sys; print("%d.%d %s" % (*sys.version_info[:2], sys.executable))' 2>/dev/null) || continue
    [[ $found == "3.11 "* ]] || continue
    PYTHON=${found#* }
    # Debian splits venv off; without ensurepip a venv has no pip.
    command -v uv >/dev/null || "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null ||
      refuse 2 "$PYTHON cannot make environments (no venv or ensurepip); next: apt-get install -y python3.11-venv"
    return
  done
  refuse 2 "Python 3.11 is needed, found ${found:+only Python ${found%% *}}${found:-no python3.11 and no python3}; next: apt-get install -y python3.11 python3.11-venv"
}

java_version() { # JAVA: prints its major version, or nothing
  "$1" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p' | head -n 1
}

find_java() { # sets and exports JAVA_HOME
  local mend='apt-get install -y openjdk-17-jre-headless' found='' java
  if [[ -n ${JAVA_HOME:-} ]]; then
    [[ -x $JAVA_HOME/bin/java ]] || refuse 2 "JAVA_HOME is $JAVA_HOME, which has no bin/java; next: unset JAVA_HOME, or point it at a Java 17 ($mend)"
    found=$(java_version "$JAVA_HOME/bin/java")
    [[ $found == 17 ]] || refuse 2 "Java 17 is needed, JAVA_HOME ($JAVA_HOME) is Java ${found:-of unknown version}; next: unset JAVA_HOME, or point it at a Java 17 ($mend)"
    export JAVA_HOME
    return
  fi
  for java in "$(command -v java || true)" /usr/lib/jvm/*17*/bin/java; do
    [[ -x $java ]] || continue
    found=$(java_version "$java")
    [[ $found == 17 ]] || continue
    JAVA_HOME=$(dirname "$(dirname "$(readlink -f "$java")")")
    export JAVA_HOME
    return
  done
  refuse 2 "Java 17 is needed, found ${found:+only Java }${found:-no java}; next: $mend"
}

check_disk() { # FOLDER WHAT
  local needed=${SHORTLIST_MIN_FREE_GB:-6} free
  [[ $needed =~ ^[0-9]+$ ]] || refuse 2 "SHORTLIST_MIN_FREE_GB is '$needed', not a whole number of GB; next: unset it, or e.g. SHORTLIST_MIN_FREE_GB=4"
  mkdir -p "$1" 2>/dev/null || refuse 5 "$2 $1 cannot be made; next: set SHORTLIST_HOME and TMPDIR to folders you may write"
  [[ -w $1 ]] || refuse 5 "$2 $1 cannot be written; next: set SHORTLIST_HOME and TMPDIR to folders you may write"
  free=$(df -Pk "$1" | awk 'NR == 2 { print int($4 / 1048576) }')
  ((free >= needed)) || refuse 5 "$2 $1 has $free GB free, $needed GB are needed; next: free some (rm -r of an old .shortlist/), set SHORTLIST_HOME or TMPDIR to a larger disk, or lower SHORTLIST_MIN_FREE_GB"
}

preflight() { # everything that can be refused before anything is made; takes well under a second
  find_python
  find_java
  check_disk "$SHORTLIST_HOME" 'the state folder'
  check_disk "${TMPDIR:-/tmp}" 'TMPDIR'
  mkdir -p "$ENVIRONMENTS" "$LOGS"
}

# --- Background work that never outlives the command ------------------------------------------------------------------

GROUPS_BEGUN=()

begin_group() { # LOG COMMAND...: runs it in the background as a process group of its own; its id goes to GROUP
  set -m # with job control every background job is its own group, so that all it started can be ended with it
  "${@:2}" >"$1" 2>&1 </dev/null &
  GROUP=$!
  set +m
  GROUPS_BEGUN+=("$GROUP")
}

end_groups() { # asked first; after 5 s they are made to (Airflow takes SIGTERM for the task's and would try it again)
  local group _
  for group in ${GROUPS_BEGUN[@]+"${GROUPS_BEGUN[@]}"}; do
    kill -TERM -- "-$group" 2>/dev/null || continue
    for _ in {1..25}; do
      kill -0 -- "-$group" 2>/dev/null || continue 2
      sleep 0.2
    done
    kill -KILL -- "-$group" 2>/dev/null || true
  done
}
trap end_groups EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

finish_group() { # GROUP LOG WHAT: waits for it; a failure shows the log's end and leaves
  local code=0
  wait "$1" || code=$?
  ((code == 0)) && return
  tail -n 25 "$2" | sed 's/^/    /' >&2
  refuse 5 "$3 failed (exit $code); the whole log is $2; next: mend what its last lines name (often the network), then run this again"
}

# --- Environments -----------------------------------------------------------------------------------------------------

# Each step has a stamp, written last, that says what it was made from. A step whose stamp is right takes no time; a
# step that was interrupted has none and is made anew.

fingerprint() { # WORDS AND FILES...: one checksum over names, words and the contents of files
  local part
  for part in "$@"; do
    printf '%s\n' "$part"
    [[ ! -f $part ]] || cat "$part"
  done | sha256sum | cut -d ' ' -f 1
}

is_made() { # STAMP FINGERPRINT
  [[ -f $1 && $(<"$1") == "$2" ]]
}

lock_of() { printf '%s/requirements/%s.txt' "$INFRA" "$1"; }

environment_fingerprint() { # NAME: a venv holds absolute paths, so its place is part of what it was made from
  fingerprint "$ENVIRONMENTS/$1" "$PYTHON" "$("$PYTHON" -V)" "$(lock_of "$1")"
}

install_locked() { # PLACE LOCK
  # The lock names every package with its hashes, so nothing is left to resolve: --no-deps.
  if command -v uv >/dev/null; then
    # uv does not compile unless told; a first import of pyspark or airflow without bytecode takes seconds every time.
    uv pip install --quiet --python "$1/bin/python" --no-deps --require-hashes --compile-bytecode -r "$2"
  else
    "$1/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r "$2"
  fi
}

make_environment() { # NAME: a venv of infra/requirements/NAME.txt; a half-made or outdated one is replaced
  local place=$ENVIRONMENTS/$1 wanted
  wanted=$(environment_fingerprint "$1")
  is_made "$place/.made-from" "$wanted" && return
  rm -rf "$place"
  if command -v uv >/dev/null; then
    uv venv --quiet --python "$PYTHON" "$place"
  else
    "$PYTHON" -m venv "$place"
  fi
  install_locked "$place" "$(lock_of "$1")"
  printf '%s' "$wanted" >"$place/.made-from"
}

make_environments() { # NAME...: those that are missing, side by side, then the project into those that import it (jobs, airflow)
  local name groups=() names=()
  for name in "$@"; do
    is_made "$ENVIRONMENTS/$name/.made-from" "$(environment_fingerprint "$name")" && continue
    begin_group "$LOGS/environment-$name.log" make_environment "$name"
    groups+=("$GROUP")
    names+=("$name")
  done
  for name in ${names[@]+"${!names[@]}"}; do
    finish_group "${groups[$name]}" "$LOGS/environment-${names[$name]}.log" "making environment ${names[$name]}"
  done
  for name in "$@"; do
    [[ $name == readers || $name == services ]] || install_project "$name"
  done
}

install_project() { # NAME: the checkout itself, editable, without its dependencies; one environment at a time (shared egg-info)
  local place=$ENVIRONMENTS/$1 wanted
  wanted=$(fingerprint "$CHECKOUT" "$CHECKOUT/setup.cfg" "$CHECKOUT/pyproject.toml" "$place/.made-from")
  is_made "$place/.project-from" "$wanted" && return
  # No build isolation: the locked setuptools of the environment builds it, and nothing is fetched.
  if command -v uv >/dev/null; then
    begin_group "$LOGS/project-$1.log" uv pip install --python "$place/bin/python" --no-deps --no-build-isolation -e "$CHECKOUT"
  else
    begin_group "$LOGS/project-$1.log" "$place/bin/python" -m pip install --disable-pip-version-check --no-deps --no-build-isolation -e "$CHECKOUT"
  fi
  finish_group "$GROUP" "$LOGS/project-$1.log" "installing the project into environment $1"
  printf '%s' "$wanted" >"$place/.project-from"
}

add_dev_tools() { # what tests and checks need, on top of the jobs environment
  local wanted
  wanted=$(fingerprint "$JOBS/.made-from" "$(lock_of dev)")
  is_made "$JOBS/.dev-from" "$wanted" && return
  begin_group "$LOGS/environment-dev.log" install_locked "$JOBS" "$(lock_of dev)"
  finish_group "$GROUP" "$LOGS/environment-dev.log" 'adding the tools of tests and checks'
  printf '%s' "$wanted" >"$JOBS/.dev-from"
}

# --- What the jobs environment needs besides packages -----------------------------------------------------------------

DELTA_COORDINATES=io.delta:delta-spark_4.1_2.13:4.4.0
# Delta's poms name what Spark already ships (jackson, log4j, hadoop); a second copy would shadow Spark's own.
# With these five patterns exactly the jars of infra/requirements/delta-jars.sha256 are left.
DELTA_EXCLUDES='com.*:*,org.*:*,commons*:*,javax*:*,io.airlift*:*,io.unitycatalog*:*'

fetch_delta_jars() { # the delta-spark wheel has no jars
  fetch_jars delta "$PYSPARK/jars" "$DELTA_COORDINATES" "$DELTA_EXCLUDES"
}

# Hadoop's connector must be of the version of Spark's own Hadoop client. Without exclusions it brings the whole AWS SDK, 641 MB;
# these parts of it are 13 MB, and Spark's own HTTP client, netty, codec and logging serve them.
OBJECT_STORE_COORDINATES=org.apache.hadoop:hadoop-aws:3.4.2,$(printf 'software.amazon.awssdk:%s:2.29.52,' s3 s3-transfer-manager sts apache-client netty-nio-client)
OBJECT_STORE_EXCLUDES='software.amazon.awssdk:bundle,org.apache.httpcomponents:*,org.slf4j:slf4j-api,commons-codec:commons-codec,commons-logging:commons-logging,io.netty:*'

add_object_store() { # what Spark needs for s3://: Hadoop's connector, and the log store that puts commits conditionally
  fetch_jars object-store "$PYSPARK/jars" "${OBJECT_STORE_COORDINATES%,}" "$OBJECT_STORE_EXCLUDES"
  compile_log_store
}

# Hadoop's own small cluster, for the slow tests: a resource manager and node managers in one process. What it wants besides is in
# no Java since 11, or is left to whoever tests with it. Hadoop's client is Spark's.
YARN_COORDINATES=org.apache.hadoop:hadoop-client-minicluster:3.4.2,junit:junit:4.13.2,org.bouncycastle:bcprov-jdk18on:1.78.1,org.bouncycastle:bcpkix-jdk18on:1.78.1,javax.xml.bind:jaxb-api:2.3.1,com.sun.xml.bind:jaxb-impl:2.3.9,com.sun.activation:javax.activation:1.2.0
YARN_EXCLUDES='org.apache.hadoop:hadoop-client-api,org.apache.hadoop:hadoop-client-runtime,org.slf4j:*'

add_yarn() { # the jars of the small YARN cluster, in a folder of their own: they hold copies of much that Spark has
  fetch_jars yarn "$ENVIRONMENTS/yarn-jars" "$YARN_COORDINATES" "$YARN_EXCLUDES"
}

fetch_jars() { # NAME FOLDER COORDINATES EXCLUDES: fetched once, by Spark's own resolver, checked, put into the folder
  local sums=$INFRA/requirements/$1-jars.sha256 stamp=$2/.$1-jars-from sum jar fetched scratch wanted
  wanted=$(fingerprint "$JOBS/.made-from" "$sums")
  is_made "$stamp" "$wanted" && return
  mkdir -p "$2"
  if (cd "$2" && sha256sum --status -c "$sums" 2>/dev/null); then
    printf '%s' "$wanted" >"$stamp"
    return
  fi
  scratch=$(mktemp -d "$SHORTLIST_HOME/ivy.XXXXXX")
  : >"$scratch/nothing.py"
  # A private ivy folder and user.home: a half-filled ~/.m2 or ~/.ivy2 (poms without jars) breaks the resolver.
  begin_group "$LOGS/$1-jars.log" env SPARK_HOME="$PYSPARK" PYSPARK_PYTHON="$JOBS/bin/python" SPARK_CONF_DIR="$scratch" \
    "$PYSPARK/bin/spark-submit" --packages "$3" --exclude-packages "$4" \
    --conf "spark.jars.ivy=$scratch" --driver-java-options "-Duser.home=$scratch" "$scratch/nothing.py"
  finish_group "$GROUP" "$LOGS/$1-jars.log" "fetching the jars of infra/requirements/$1-jars.sha256"
  while read -r sum jar; do
    # The resolver puts the group before a jar's name.
    fetched=$(find "$scratch/jars" -name "*_$jar" -print -quit)
    [[ -n $fetched ]] || refuse 5 "the resolver did not bring $jar; its log is $LOGS/$1-jars.log; next: run this again"
    if [[ $(sha256sum <"$fetched") != "$sum "* ]]; then
      rm -rf "$scratch"
      refuse 5 "$jar was fetched with another sha256 than infra/requirements/$1-jars.sha256 states; it was removed; next: look at who serves it (a mirror or proxy), then run this again"
    fi
    cp "$fetched" "$2/$jar"
  done <"$sums"
  rm -rf "$scratch"
  printf '%s' "$wanted" >"$stamp"
}

compile_log_store() { # infra/spark/logstore to a jar beside Spark's, by the compiler that Spark ships: a Java runtime has none
  local source=$INFRA/spark/logstore/ConditionalLogStore.java jars=$PYSPARK/jars scratch wanted
  wanted=$(fingerprint "$JOBS/.made-from" "$source")
  is_made "$JOBS/.log-store-from" "$wanted" && return
  scratch=$(mktemp -d "$SHORTLIST_HOME/log-store.XXXXXX")
  begin_group "$LOGS/log-store.log" "$JAVA_HOME/bin/java" -cp "$(printf '%s:' "$jars"/{janino,commons-compiler}-*.jar)" \
    org.codehaus.commons.compiler.samples.CompilerDemo -encoding UTF-8 -d "$scratch" \
    -classpath "$(printf '%s:' "$jars"/{delta-storage,hadoop-aws,hadoop-client-api,hadoop-client-runtime,slf4j-api}-*.jar)" "$source"
  finish_group "$GROUP" "$LOGS/log-store.log" 'compiling the log store for S3'
  # It ends with 0 whatever it found.
  [[ -f $scratch/shortlist/ConditionalLogStore.class ]] || refuse 5 "the log store for S3 was not compiled; its log is $LOGS/log-store.log"
  (cd "$scratch" && "$JOBS/bin/python" -m zipfile -c "$jars/shortlist-log-store.jar" shortlist)
  rm -rf "$scratch"
  printf '%s' "$wanted" >"$JOBS/.log-store-from"
}

warm_kernels() { # numba's compiled kernels, into $SHORTLIST_HOME/numba
  local wanted
  [[ -f $CHECKOUT/libs/shortlist/kernels/__main__.py ]] || return 0 # nothing is compiled ahead
  wanted=$(fingerprint "$JOBS/.made-from" "$CHECKOUT"/libs/shortlist/kernels/*.py)
  is_made "$SHORTLIST_HOME/numba/.made-from" "$wanted" && return
  # Numba looks at the file that a loop is in, not at those that it calls loops from: what it has may be older than they are.
  rm -rf "$SHORTLIST_HOME/numba"
  mkdir -p "$SHORTLIST_HOME/numba"
  begin_group "$LOGS/kernels.log" compile_kernels
  finish_group "$GROUP" "$LOGS/kernels.log" 'compiling the numeric kernels'
  printf '%s' "$wanted" >"$SHORTLIST_HOME/numba/.made-from"
}

compile_kernels() {
  use_jobs_environment
  "$JOBS/bin/python" -m shortlist.kernels
}

make_ready() { # four steps: all that a night needs, from nothing; seconds where it is made
  step 'looking at this machine: Python, Java, disk ...'
  preflight
  step 'making environments jobs and airflow from their locks (minutes the first time) ...'
  make_environments jobs airflow
  step "fetching Delta's jars ..."
  fetch_delta_jars
  step "compiling kernels${1:+, $1} ..."
  warm_kernels
  use_jobs_environment
}

complete_jobs_environment() { # after make_environments jobs
  fetch_delta_jars
  warm_kernels
}

# --- Running in an environment ----------------------------------------------------------------------------------------

require_environment() { # NAME
  [[ -f $ENVIRONMENTS/$1/.made-from ]] || refuse 2 "environment $1 is not made (looked in $ENVIRONMENTS/$1); next: run ./infra/setup first"
}

use_jobs_environment() { # the variables under which every Spark job and every test of one runs
  export SPARK_HOME=$PYSPARK
  export SHORTLIST_PYTHON=$JOBS/bin/python
  export PYSPARK_PYTHON=$INFRA/spark/local/bin/spark-python
  # Ends with its JVM: a killed spark-submit would otherwise leave the driver computing for nobody.
  export PYSPARK_DRIVER_PYTHON=$INFRA/spark/local/bin/driver-python
  # Spark multiplies processes, kernels multiply threads: one BLAS thread each, or they fight for the cores.
  export OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 MKL_NUM_THREADS=1
  export NUMBA_CACHE_DIR=$SHORTLIST_HOME/numba
  # Settings come by --properties-file (infra/spark/local/bin/spark-submit), not from a conf folder of the caller's.
  export SPARK_CONF_DIR=$SHORTLIST_HOME/spark-conf-empty
  mkdir -p "$SPARK_CONF_DIR"
  # A process that runs several jobs fills the 48 MB that Java may reserve for compiled code, and dies. Methods above 8,000
  # bytes, such as Spark makes of a parsed row, are left uncompiled unless Java is told otherwise.
  export SPARK_SUBMIT_OPTS="-XX:+UseParallelGC -XX:ReservedCodeCacheSize=256m -XX:-DontCompileHugeMethods -Dlog4j2.configurationFile=\"$INFRA/spark/local/log4j2.properties\""
  export PATH=$INFRA/spark/local/bin:$JOBS/bin:$PATH
}

use_brief_java() { # after use_jobs_environment: for sessions so small that most of them is loading and compiling Spark's classes
  # The quick compiler alone and one collector thread take 25 CPU seconds instead of 47 for one that writes and reads a small
  # Delta table. Where there are millions of rows they take several times as long as the optimizing one.
  SPARK_SUBMIT_OPTS=${SPARK_SUBMIT_OPTS/-XX:+UseParallelGC/-XX:+UseSerialGC -XX:TieredStopAtLevel=1}
}

begin_resident_spark() { # SOCKET: one JVM for all jobs that follow, see infra/spark/local/resident.py
  begin_group "$LOGS/spark.log" spark-submit "$INFRA/spark/local/resident.py" serve "$1"
  export SHORTLIST_RESIDENT_SPARK=$1
}

use_airflow_environment() { # after use_jobs_environment: Airflow itself; spark-submit stays the jobs environment's
  # Not the caller's AIRFLOW_HOME: its database may be another Airflow's, and would be migrated.
  export AIRFLOW_HOME=${SHORTLIST_AIRFLOW_HOME:-$SHORTLIST_HOME/airflow}
  export AIRFLOW__CORE__DAGS_FOLDER=${AIRFLOW__CORE__DAGS_FOLDER:-$CHECKOUT/dags}
  export AIRFLOW__CORE__LOAD_EXAMPLES=False
  # Airflow's own default is every address of the machine.
  export AIRFLOW__API__HOST=${AIRFLOW__API__HOST:-127.0.0.1}
  export AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_HOST=${AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_SERVER_HOST:-127.0.0.1}
  # Seconds. After Airflow's own (5 for an answer, 30 and 50 for reading a DAG) tasks fail and DAGs vanish beside a Spark that
  # has all cores.
  export AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT=${AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT:-60}
  export AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT=${AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT:-180}
  export AIRFLOW__DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT=${AIRFLOW__DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT:-240}
  export AIRFLOW__DAG_PROCESSOR__STALE_DAG_THRESHOLD=${AIRFLOW__DAG_PROCESSOR__STALE_DAG_THRESHOLD:-300}
  export AIRFLOW__USAGE_DATA_COLLECTION__ENABLED=False
  local master
  master=$(sed -n 's/^spark\.master[[:space:]=]\{1,\}//p' "${SHORTLIST_SPARK_CONF:-$INFRA/spark/local/spark-defaults.conf}" | tail -n 1)
  export AIRFLOW_CONN_SPARK_DEFAULT=${AIRFLOW_CONN_SPARK_DEFAULT:-"{\"conn_type\": \"spark\", \"host\": \"$master\"}"}
  export PATH=$INFRA/spark/local/bin:$ENVIRONMENTS/airflow/bin:$PATH
}
