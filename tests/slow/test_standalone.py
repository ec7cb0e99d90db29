"""A Spark standalone cluster on this machine: workers with an empty environment, without the project, one killed on the way."""

import os
import signal
import subprocess
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pyspark
import pytest

from tests import tiny
from tests.jobs.conftest import Deployment
from tests.slow.nights import checked, landed, require_equal_night
from tests.slow.standalone import DAEMONS, Cluster, alive, standalone_cluster

WEEK = tiny.days(date(2017, 11, 10), date(2017, 11, 16))
# What a daemon of Spark needs, and what its own scripts add.
NEEDED = {"PATH", "JAVA_HOME", "PWD", "SHLVL", "_"}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One whose first worker is killed by the last test."""
    with standalone_cluster(tmp_path_factory.mktemp("cluster")) as started:
        yield started
    # Nobody is left behind.
    assert [name for name in DAEMONS if alive(started.group(name))] == []


def check(cluster: Cluster, deployment: Deployment, *arguments: str) -> tuple[int, str]:
    """What check_cluster leaves with, and says."""
    return checked(cluster.submit(*arguments, "--config", str(deployment.config)))


@pytest.fixture
def deployment(tmp_path: Path) -> Deployment:
    return landed(tmp_path, WEEK)


def test_a_killed_group_is_not_alive_whoever_started_it() -> None:
    """A worker in place of another is this process's child; others are the script's."""
    sleeper = subprocess.Popen(["sleep", "60"], start_new_session=True)
    assert alive(sleeper.pid)
    os.killpg(sleeper.pid, signal.SIGKILL)
    os.waitid(os.P_PID, sleeper.pid, os.WEXITED | os.WNOWAIT)
    assert not alive(sleeper.pid)


def test_workers_know_nothing_of_the_project(cluster: Cluster) -> None:
    for name in ("worker-1", "worker-2"):
        environ = Path(f"/proc/{cluster.group(name)}/environ").read_bytes().decode().split("\0")
        given = {each.partition("=")[0] for each in environ if each}
        assert {each for each in given if not each.startswith("SPARK_")} <= NEEDED
    python = cluster.state / "workers" / "python" / "bin" / "python"
    imported = subprocess.run(
        [str(python), "-c", "import numba, pyspark; import shortlist"],
        capture_output=True,
        text=True,
        env={},
        check=False,
    )
    assert imported.stderr.splitlines()[-1] == "ModuleNotFoundError: No module named 'shortlist'"


def test_the_cluster_is_found_ready(cluster: Cluster, deployment: Deployment) -> None:
    code, said = check(cluster, deployment, "jobs/check_cluster.py", "--executors", "2")
    assert code == 0, said
    assert "2 executor(s) can run a night" in said


def test_what_a_worker_lacks_is_said_before_a_night(cluster: Cluster, deployment: Deployment) -> None:
    code, said = check(cluster, deployment, "--conf", "spark.archives=", "jobs/check_cluster.py")
    assert code == 2, said
    assert "No module named 'shortlist'; next: ship the project's code with --archives (infra/package)" in said


def test_a_worker_without_delta_s_jars_is_told_of_before_a_night(
    cluster: Cluster, deployment: Deployment, tmp_path: Path
) -> None:
    (spark,) = pyspark.__path__
    cluster.replace("worker-1", SPARK_HOME=str(without_delta(Path(spark), tmp_path / "spark")))
    code, said = check(cluster, deployment, "jobs/check_cluster.py", "--executors", "2")
    cluster.replace("worker-1", SPARK_HOME=spark)
    assert code == 2, said
    assert "writing a Delta table in " in said
    assert "next: put the jars of infra/requirements/delta-jars.sha256 " in said


def without_delta(spark: Path, copy: Path) -> Path:
    """Spark as it is installed, by links, but for Delta's jars."""
    (copy / "jars").mkdir(parents=True)
    for each in spark.iterdir():
        if each.name != "jars":
            (copy / each.name).symlink_to(each)
    for jar in (spark / "jars").glob("*.jar"):
        if not jar.name.startswith("delta-"):
            (copy / "jars" / jar.name).symlink_to(jar)
    return copy


def test_a_night_that_loses_a_worker_publishes_what_one_machine_publishes(cluster: Cluster, tmp_path: Path) -> None:
    def lose_worker() -> None:
        os.killpg(cluster.group("worker-1"), signal.SIGKILL)

    there = require_equal_night(cluster.submit, lose_worker, tmp_path, WEEK)
    assert not alive(cluster.group("worker-1"))
    # The cluster goes on with one; the check before the next night says so, and what else is wrong.
    code, printed = check(
        cluster, there, "--conf", "spark.executorEnv.OMP_NUM_THREADS=4", "jobs/check_cluster.py", "--executors", "2"
    )
    assert code == 2, printed
    assert "OMP_NUM_THREADS=4 instead of 1; next: --conf spark.executorEnv." in printed
    assert "1 executor(s) answered, 2 are expected; next:" in printed
