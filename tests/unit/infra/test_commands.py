"""The commands of infra/, with programs of a few lines in place of Airflow and Spark: what they start, and what they refuse."""

import ast
import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from shortlist.config import CHECKOUT

INFRA = CHECKOUT / "infra"
LOCAL = INFRA / "spark" / "local" / "bin"
# Writes down its name, its arguments and some of its environment.
RECORDER = """\
#!{python}
import json, os, sys
with open({log!r}, "a") as log:
    kept = {{name: value for name, value in os.environ.items() if name.startswith(("AIRFLOW_", "PATH", "PYTHONPATH"))}}
    log.write(json.dumps([os.path.basename(sys.argv[0]), sys.argv[1:], kept]) + "\\n")
"""


class Machine:
    """A state folder whose environments hold recorders."""

    def __init__(self, home: Path) -> None:
        self.home, self.log = home, home / "calls"
        for environment, program in (("airflow", "airflow"), ("jobs", "python")):
            folder = home / "envs" / environment
            (folder / "bin").mkdir(parents=True)
            (folder / ".made-from").touch()
            self.program(folder / "bin" / program)
        self.program(home / "envs/jobs/lib/python3.11/site-packages/pyspark/bin/spark-submit")

    def program(self, path: Path, more: str = "") -> Path:
        """A recorder, which then does more."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(RECORDER.format(python=sys.executable, log=str(self.log)) + more)
        path.chmod(0o755)
        return path

    def run(self, command: str | Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "SHORTLIST", "SPARK"))
        }
        return subprocess.run(
            [str(INFRA / command), *arguments],
            env={**kept, "SHORTLIST_HOME": str(self.home), **environment},
            capture_output=True,
            text=True,
            check=False,
        )

    def calls(self) -> list[tuple[str, list[str], dict[str, str]]]:
        return [tuple(json.loads(line)) for line in self.log.read_text().splitlines()] if self.log.exists() else []


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


POOL = ["pools", "set", "spark"]
DESCRIBED = "Spark jobs that may run at once, of all runs and back-fills"


def test_airflow_makes_the_pool_of_spark_jobs_once_and_resizes_it_where_a_size_is_named(machine: Machine) -> None:
    for size in ("", "", "3", "", "3"):
        assert machine.run("airflow", "version", **({"SHORTLIST_SPARK_SLOTS": size} if size else {})).returncode == 0
    assert [arguments for _, arguments, _ in machine.calls()] == [
        ["db", "migrate"],
        [*POOL, "1", DESCRIBED],
        ["version"],
        ["version"],
        [*POOL, "3", DESCRIBED],
        ["version"],
        ["version"],
        ["version"],
    ]


def test_a_scheduler_makes_the_pool_whatever_was_made_before(machine: Machine) -> None:
    """The database behind the same URL may be another one by now."""
    for _ in range(2):
        assert machine.run("airflow", "scheduler", SHORTLIST_SPARK_SLOTS="2").returncode == 0
    each = [["db", "migrate"], [*POOL, "2", DESCRIBED], ["scheduler", "--skip-serve-logs"]]
    assert [arguments for _, arguments, _ in machine.calls()] == [*each, *each]


def test_a_pool_of_no_size_is_refused_before_anything_is_made(machine: Machine) -> None:
    refused = machine.run("airflow", "version", SHORTLIST_SPARK_SLOTS="many")
    assert refused.returncode == 2
    assert "SHORTLIST_SPARK_SLOTS is 'many', not a number of jobs; next: unset it" in refused.stderr
    assert machine.calls() == []


def test_airflow_serves_this_machine_only(machine: Machine) -> None:
    machine.run("airflow", "standalone")
    [*_, (_, arguments, environment)] = machine.calls()
    assert arguments == ["standalone"]
    assert environment["AIRFLOW__API__HOST"] == "127.0.0.1"
    # What standalone starts by the name `airflow` is this command again, which keeps the log servers from being started.
    first = Path(environment["PATH"].split(":")[0]) / "airflow"
    assert first.resolve() == INFRA / "airflow"
    for part in ("scheduler", "triggerer"):
        assert machine.run(first, part, "--pid", "p").returncode == 0
        assert machine.calls()[-1][1] == [part, "--skip-serve-logs", "--pid", "p"]
    machine.run("airflow", "standalone", AIRFLOW__API__HOST="10.0.0.1")
    assert machine.calls()[-1][2]["AIRFLOW__API__HOST"] == "10.0.0.1"


NIGHT = """
if sys.argv[1:3] == ["dags", "test"]:
    day = sys.argv[4]
    for task in {tasks!r}:
        print(f"x [DAG TEST] starting task_id={{task}} map_index=-1", flush=True)
        print(f"x [DAG TEST] end task task_id={{task}} map_index=-1", flush=True)
    if day in {failing!r}:
        print(f"FAILED extract {{day}}: {why}", flush=True)
        sys.exit(1)
"""


def nights(
    machine: Machine, *tasks: str, failing: tuple[str, ...] = (), why: str = "a check held it (exit 3) error: too few"
) -> list[str]:
    """Airflow runs these tasks; the days that a command then asked it for are found in calls."""
    machine.program(machine.home / "envs/airflow/bin/airflow", NIGHT.format(tasks=tasks, failing=failing, why=why))
    return [arguments[3] for _, arguments, _ in machine.calls() if arguments[:2] == ["dags", "test"]]


def test_night_runs_each_day_with_one_shared_spark_and_says_what_ended(machine: Machine) -> None:
    nights(machine, "extract", "train")
    done = machine.run("night", "2017-11-29", "2016-08-31")
    assert done.returncode == 0, done.stderr
    assert nights(machine) == ["2017-11-29", "2016-08-31"]
    lines = [line.split("]", 1)[1].split() for line in done.stdout.splitlines()]
    assert [line[:2] for line in lines] == [
        ["1/2", "nightly"], ["extract", "0"], ["train", "0"],
        ["2/2", "nightly"], ["extract", "0"], ["train", "0"],
        ["done:", "2017-11-29"],
    ]  # fmt: skip
    served = [arguments for name, arguments, _ in machine.calls() if name == "spark-submit"]
    assert [arguments[-2] for arguments in served] == ["serve"]


def test_a_night_without_tasks_is_no_success(machine: Machine) -> None:
    nights(machine)
    silent = machine.run("night", "2017-11-30")
    assert silent.returncode == 5
    assert "the nightly run of 2017-11-30 ran no task, though Airflow calls it a success" in silent.stderr


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (3, "a check held it (exit 3) error: too few"),
        (70, "a fault of the program (exit 70) error: KeyError"),
        (1, "Spark could not start it (exit 1)"),
        (5, "ended by signal 9"),
    ],
)
def test_a_failed_night_ends_the_command_with_the_jobs_exit_code(machine: Machine, code: int, why: str) -> None:
    nights(machine, "extract", failing=("2017-11-29",), why=why)
    failed = machine.run("night", "2017-11-29", "2017-11-30")
    assert failed.returncode == code
    assert f"FAILED extract 2017-11-29: {why}" in failed.stderr
    assert nights(machine) == ["2017-11-29"]


@pytest.mark.parametrize(
    ("command", "arguments", "problem"),
    [
        ("night", (), "which day? next: infra/night 2017-11-30"),
        ("night", ("2017-11-30", "2017-02-30"), "'2017-02-30' is no day; next: write it as 2017-11-30"),
        ("night", ("--config", "x"), "'--config' is no day"),
        ("setup", ("everything",), "unknown argument 'everything'; next: infra/setup --help"),
        ("submit", (), "which job? next: infra/submit --help"),
        ("package", (), "into which folder? next: infra/package --help"),
        ("package", ("a", "b"), "one folder is taken, not 2 arguments"),
        ("spark/standalone/start", ("--workers", "0"), "--workers is '0', not a number from 1 on"),
        ("spark/standalone/start", ("--cores",), "--cores of what? next: infra/spark/standalone/start --help"),
        ("spark/standalone/start", ("--memory", "4"), "--memory is '4', no size; next: write it as 1500m or 4g"),
        ("spark/standalone/start", ("--gpus", "1"), "unknown argument '--gpus'"),
        ("spark/yarn/settings", (), "--python is '', not the whole path of the nodes' Python"),
        (
            "spark/yarn/settings",
            ("--python", "python3"),
            "--python is 'python3', not the whole path of the nodes' Python",
        ),
        ("spark/yarn/settings", ("--executors", "none"), "--executors is 'none', not a number from 1 on"),
        ("spark/yarn/settings", ("--memory",), "--memory of what? next: infra/spark/yarn/settings --help"),
        ("spark/yarn/settings", ("--memory", "4"), "--memory is '4', no size; next: write it as 1500m or 4g"),
        ("spark/yarn/settings", ("--conf", "queue=nightly"), "--conf is 'queue=nightly', no setting of Spark"),
        ("spark/yarn/settings", ("--gpus", "1"), "unknown argument '--gpus'"),
    ],
)
def test_wrong_use_is_refused(machine: Machine, command: str, arguments: tuple[str, ...], problem: str) -> None:
    refused = machine.run(command, *arguments)
    assert refused.returncode == 2
    assert problem in refused.stderr
    assert machine.calls() == []


def test_what_is_not_made_is_named_with_the_command_that_makes_it(tmp_path: Path) -> None:
    for command in (("night", "2017-11-30"), ("airflow", "version"), ("submit", "jobs/train_als.py"), ("shortlist",)):
        missing = subprocess.run(
            [str(INFRA / command[0]), *command[1:]],
            env={**os.environ, "SHORTLIST_HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert missing.returncode == 2
        assert "environment jobs is not made" in missing.stderr
        assert "next: run ./infra/setup first" in missing.stderr


@pytest.mark.parametrize(
    "command",
    [
        "setup",
        "night",
        "submit",
        "demo",
        "test",
        "check",
        "bench",
        "package",
        "spark/standalone/start",
        "spark/yarn/settings",
    ],
)
def test_every_command_explains_itself(machine: Machine, command: str) -> None:
    helped = machine.run(command, "--help")
    assert helped.returncode == 0
    assert f"usage: infra/{command}" in helped.stdout
    assert machine.calls() == []


def test_bench_lists_every_benchmark_with_what_it_measures(machine: Machine) -> None:
    shown = machine.run("bench").stdout
    for program in (INFRA / "benchmarks").glob("[!_]*.py"):
        stated = (ast.get_docstring(ast.parse(program.read_text())) or "").partition("\n")[0]
        assert stated.endswith("."), f"the first line of {program.name} is no sentence that says what it measures"
        assert any(line.split(maxsplit=1) == [program.stem, stated] for line in shown.splitlines()), program.name


def test_submit_lists_every_job(machine: Machine) -> None:
    shown = machine.run("submit", "--help").stdout
    for job in (CHECKOUT / "jobs").glob("*.py"):
        assert f"jobs/{job.name} " in shown


@pytest.mark.parametrize(
    ("options", "given"),
    [
        ((), False),
        (("--master", "local[2]"), False),
        (("--conf", "spark.master=local[2]"), False),
        (("--master", "spark://127.0.0.1:7077"), True),
        (("--master=yarn",), True),
        (("--conf", "spark.master=k8s://x"), True),
    ],
)
def test_executors_of_a_cluster_are_given_python_and_thread_limits(
    machine: Machine, options: tuple[str, ...], given: bool
) -> None:
    own = ("--conf", "spark.executorEnv.OMP_NUM_THREADS=2")
    assert machine.run("submit", *options, *own, "jobs/x.py", "--master", "of the job").returncode == 0
    [(_, arguments, _)] = machine.calls()
    confs = [value for name, value in pairwise(arguments) if name == "--conf"]
    environment = [conf for conf in confs if conf.startswith("spark.executorEnv.")]
    expected = {
        f"spark.executorEnv.SHORTLIST_PYTHON={machine.home}/envs/jobs/bin/python",
        *(f"spark.executorEnv.{name}_NUM_THREADS=1" for name in ("OPENBLAS", "OMP", "MKL")),
        f"spark.executorEnv.NUMBA_CACHE_DIR={machine.home}/numba",
    }
    assert set(environment[:-1]) == (expected if given else set())
    # Spark takes the last of several: the caller's.
    assert environment[-1] == own[1]


def test_the_settings_file_of_a_cluster_is_read_and_what_it_says_is_left(machine: Machine, tmp_path: Path) -> None:
    conf = tmp_path / "cluster.conf"
    conf.write_text("spark.master spark://h:7077\nspark.executorEnv.SHORTLIST_PYTHON /w/python\n")
    assert machine.run("submit", "jobs/x.py", SHORTLIST_SPARK_CONF=str(conf)).returncode == 0
    [(_, arguments, _)] = machine.calls()
    assert arguments[:2] == ["--properties-file", str(conf)]
    named = {value.partition("=")[0] for name, value in pairwise(arguments) if name == "--conf"}
    assert named == {f"spark.executorEnv.{name}" for name in (
        "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_CACHE_DIR"
    )}  # fmt: skip
    machine.run("airflow", "version", SHORTLIST_SPARK_CONF=str(conf))
    connection = machine.calls()[-1][2]["AIRFLOW_CONN_SPARK_DEFAULT"]
    assert json.loads(connection) == {"conn_type": "spark", "host": "spark://h:7077"}
    machine.run("airflow", "version")
    assert json.loads(machine.calls()[-1][2]["AIRFLOW_CONN_SPARK_DEFAULT"])["host"] == "local[*]"


def test_executors_are_told_where_an_object_store_is_and_no_key(machine: Machine) -> None:
    given = {"AWS_ENDPOINT_URL": "http://store:8333", "AWS_REGION": "us-east-1", "AWS_ALLOW_HTTP": "true"}
    keys = {"AWS_ACCESS_KEY_ID": "AKIASOMEKEY", "AWS_SECRET_ACCESS_KEY": "sesame", "AWS_SESSION_TOKEN": "sesame"}
    assert machine.run("submit", "--master", "spark://h:7077", "jobs/x.py", **given, **keys).returncode == 0
    [(_, arguments, _)] = machine.calls()
    assert {f"spark.executorEnv.{name}={value}" for name, value in given.items()} <= set(arguments)
    assert not [each for each in arguments if "sesame" in each or "AKIA" in each]


def test_a_settings_file_that_is_not_there_is_named(machine: Machine) -> None:
    missing = machine.run("submit", "jobs/x.py", SHORTLIST_SPARK_CONF="/nowhere/x.conf")
    assert missing.returncode == 2
    assert "SHORTLIST_SPARK_CONF is /nowhere/x.conf, which is no file; next: unset it" in missing.stderr


def test_a_driver_has_its_own_python_where_the_workers_have_another(machine: Machine) -> None:
    """Spark sets PYSPARK_PYTHON to the workers' where spark.pyspark.python names one."""
    python = machine.home / "envs/jobs/bin/python"
    environment = {"SHORTLIST_PYTHON": str(python), "PYSPARK_PYTHON": "/nowhere/on/a/worker"}
    assert machine.run(LOCAL / "driver-python", "job.py", **environment).returncode == 0
    assert machine.calls()[-1][:2] == ("python", ["job.py"])


def test_a_container_is_what_spark_on_kubernetes_starts_or_a_command(machine: Machine) -> None:
    spark, java = machine.home / "spark", machine.home / "java"
    machine.program(spark / "bin/spark-submit")
    machine.program(java / "bin/java")
    given = {
        "SPARK_HOME": str(spark), "JAVA_HOME": str(java), "SPARK_DRIVER_BIND_ADDRESS": "10.0.0.7",
        "SPARK_EXECUTOR_MEMORY": "4g", "SPARK_DRIVER_URL": "spark://d", "SPARK_EXECUTOR_ID": "3",
        "SPARK_EXECUTOR_CORES": "2", "SPARK_APPLICATION_ID": "app", "SPARK_EXECUTOR_POD_IP": "10.0.0.8",
        "SPARK_RESOURCE_PROFILE_ID": "0", "SPARK_EXECUTOR_POD_NAME": "pod",
        "SPARK_JAVA_OPT_10": "-Dten=a b", "SPARK_JAVA_OPT_2": "-Dtwo=2",
    }  # fmt: skip
    entrypoint = INFRA / "docker" / "entrypoint"
    assert machine.run(entrypoint, "driver", "--class", "X", "local:///job.py", **given).returncode == 0
    assert machine.run(entrypoint, "executor", **given).returncode == 0
    assert machine.run(entrypoint, "/bin/sh", "-c", "exit 7").returncode == 7
    nothing = machine.run(entrypoint)
    assert (nothing.returncode, "next: name a command" in nothing.stderr) == (2, True)
    driver, executor = [arguments for _, arguments, _ in machine.calls()]
    bound = ["--conf", "spark.driver.bindAddress=10.0.0.7", "--deploy-mode", "client"]
    assert driver == [*bound, "--class", "X", "local:///job.py"]
    assert executor[:6] == ["-Dtwo=2", "-Dten=a b", "-Xms4g", "-Xmx4g", "-cp", f"{spark}/jars/*"]
    assert dict(pairwise(executor))["--podName"] == "pod"


ARCHIVES = "/x/pyspark.zip:/x/py4j-0.10-src.zip"


def test_a_worker_without_the_environment_uses_its_own_python_and_says_so(machine: Machine, tmp_path: Path) -> None:
    environment = {"PATH": f"{tmp_path}/bin:/usr/bin:/bin", "PYTHONPATH": ARCHIVES}
    machine.program(tmp_path / "bin" / "python3.11")
    worker = machine.run(LOCAL / "spark-python", "-m", "pyspark.daemon", **environment)
    assert worker.returncode == 0
    assert (
        worker.stderr == f"spark-python: SHORTLIST_PYTHON is not set on this worker, using {tmp_path}/bin/python3.11\n"
    )
    # Its Python may not have pyspark as files.
    assert machine.calls()[-1][1:] == (["-m", "pyspark.daemon"], {**environment})


def test_a_worker_with_the_environment_is_spared_the_archives(machine: Machine) -> None:
    python = machine.home / "envs/jobs/bin/python"
    worker = machine.run(LOCAL / "spark-python", "x", PYTHONPATH=f"{ARCHIVES}:/y", SHORTLIST_PYTHON=str(python))
    assert (worker.returncode, worker.stderr) == (0, "")
    assert machine.calls()[-1][2]["PYTHONPATH"] == "/y"


def test_a_python_that_the_worker_does_not_have_is_named(machine: Machine) -> None:
    worker = machine.run(LOCAL / "spark-python", "x", SHORTLIST_PYTHON="/nowhere/python")
    assert worker.returncode == 127
    assert "SHORTLIST_PYTHON is /nowhere/python, which is no program on this machine" in worker.stderr
